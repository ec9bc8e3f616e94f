package wsusexport

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"fettle/model"
	"fettle/sync/cabinet"
)

// DocumentSource is where an export takes its documents from. An identifier and
// revision that it gives twice, from two upstreams, is written once.
type DocumentSource interface {
	// EachDocument visits all documents. The order is free, but should be the
	// one in which Document can read them fast: where dependencies allow, an
	// export reads them again in that order.
	EachDocument(ctx context.Context, visit func(*model.Document) error) error
	// Document reads one of them again.
	Document(ctx context.Context, key model.DocumentKey) (*model.Document, error)
}

// ExportOptions say what an export is called and holds.
type ExportOptions struct {
	ServerID  string    // a GUID: which server the package comes from
	Time      time.Time // when it was made
	Languages []string  // that the server keeps content in, such as "de"; none means all
	// Address says where the vendor has a payload file, by its SHA-1; empty when
	// that is not known. nil: it never is.
	Address  func(sha1 [20]byte) string
	Progress func(model.Progress) // may be nil
	Clock    func() time.Time     // for Progress; nil = time.Now

	limit int64 // of tests; 0 = maxFolder
}

// Exported says what a package holds and what it could not hold.
type Exported struct {
	Documents int
	Files     int   // payload files that it names
	Bytes     int64 // of documents
	// Fragments counts revisions that are only known as fragments, from an
	// offline scan catalogue: nobody can make whole documents of them.
	Fragments int
	// Unfit lists documents that a package cannot hold, with the reason; Refused
	// counts them.
	Unfit   []model.ImportFailure
	Refused int
}

// Sentences describes an export to an administrator.
func (e *Exported) Sentences() []string {
	lines := []string{fmt.Sprintf("Exported %d revisions (%d bytes) and the addresses of %d files.", e.Documents, e.Bytes, e.Files)}
	if e.Fragments > 0 {
		lines = append(lines, fmt.Sprintf("%d revisions are not in the package: they came from an offline scan catalogue, which has fragments of documents only.", e.Fragments))
	}
	if e.Refused > 0 {
		lines = append(lines, fmt.Sprintf("%d documents are not in the package because it cannot hold them.", e.Refused))
	}
	return lines
}

// maxFolder is what a folder of a cabinet can hold: 65,535 blocks of 32 KiB.
const maxFolder = 65535 * 32768

// reserve is what WSUS leaves free in the header of its cabinets.
const reserve = 6144

// maxUnfit bounds Exported.Unfit.
const maxUnfit = 1000

// Export writes a package as wsusutil export does. It needs no more memory for
// large stores than some hundred bytes per document.
func Export(ctx context.Context, w io.WriteSeeker, src DocumentSource, o ExportOptions) (Exported, error) {
	if o.Progress == nil {
		o.Progress = func(model.Progress) {}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.limit == 0 {
		o.limit = maxFolder
	}
	server, ok := parseGUID([]byte(o.ServerID))
	if !ok {
		return Exported{}, fmt.Errorf("exporting: the server's identifier %q is no GUID", model.Clean(o.ServerID))
	}
	plan, err := planExport(ctx, src, o)
	if err != nil {
		return Exported{}, fmt.Errorf("exporting: %w", err)
	}
	result := plan.result
	if result.Documents == 0 {
		refusal := &model.Refusal{Code: "empty", What: "Nothing was exported", Why: "there are no whole documents in the store", Remedy: "import a package of a WSUS server first"}
		if result.Fragments > 0 {
			refusal.Why = fmt.Sprintf("the %d revisions in the store are known as fragments only, from an offline scan catalogue", result.Fragments)
		}
		return result, refusal
	}
	head := plan.manifestSize(server, o)
	if head+plan.size > o.limit {
		return result, &model.Refusal{
			Code: "too-large", What: "Nothing was exported",
			Why:    fmt.Sprintf("the documents have %d bytes, and a cabinet holds less than 2 GiB", plan.size),
			Remedy: "carry the packages on that this catalogue was imported from",
		}
	}
	since := o.Clock()
	written := cabinet.Options{
		Compression: cabinet.LZX, Window: 21, Reserve: reserve,
		Progress: func(n int64) error {
			o.Progress(model.Progress{Phase: "writing the package", Done: n, Total: head + plan.size, Bytes: n, Since: since})
			return ctx.Err()
		},
	}
	err = cabinet.Create(w, written, []cabinet.Entry{
		{Name: "package.xml", Modified: o.Time, Open: func() (io.ReadCloser, error) { return plan.openManifest(server, o), nil }},
		{Name: "metadata.txt", Modified: o.Time, Open: func() (io.ReadCloser, error) { return plan.openRecords(ctx, src), nil }},
	})
	if err != nil {
		return result, fmt.Errorf("writing the package: %w", err)
	}
	return result, nil
}

// fitForRecord says why a document cannot be written into metadata.txt.
func fitForRecord(text []byte) string {
	switch {
	case len(text) == 0:
		return "it is empty"
	case !utf8.Valid(text):
		return "it is not in UTF-8"
	case len(text) > 1<<30:
		return "it is too long"
	}
	return ""
}

// openManifest writes package.xml as it is read.
func (p *exportPlan) openManifest(server guid, o ExportOptions) io.ReadCloser {
	return stream(p.manifest(server, o))
}

// manifestSize is the length of package.xml.
func (p *exportPlan) manifestSize(server guid, o ExportOptions) int64 {
	var n int64
	for part := range p.manifest(server, o) {
		n += int64(len(part))
	}
	return n
}

// manifest gives package.xml in pieces.
func (p *exportPlan) manifest(server guid, o ExportOptions) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		b := fmt.Appendf(nil, bom+`<?xml version="1.0" encoding="utf-8"?><ExportPackage ServerID="%s" CreationTime="%s" FormatVersion="1.0" ProtocolVersion="1.20"><Languages>`,
			server, o.Time.UTC().Format("2006-01-02T15:04:05Z"))
		for _, l := range languages {
			enabled := 0
			if l.ID == 0 && len(o.Languages) == 0 || slices.ContainsFunc(o.Languages, func(s string) bool { return strings.EqualFold(s, l.ShortName) }) {
				enabled = 1
			}
			b = fmt.Appendf(b, `<Language Id="%d" ShortName="%s" LongName="%s" Enabled="%d" />`, l.ID, l.ShortName, l.LongName, enabled)
		}
		b = append(b, "</Languages>"...)
		flush := func() bool {
			if len(b) < 32<<10 {
				return true
			}
			ok := yield(b)
			b = b[:0]
			return ok
		}
		b = openElement(b, "Files", len(p.files))
		for i := range p.files {
			f := &p.files[i]
			b = append(b, `<File Digest="`...)
			b = base64.StdEncoding.AppendEncode(b, f.sha1[:])
			b = append(b, `" MUUrl="`...)
			if o.Address != nil {
				b = appendEscaped(b, o.Address(f.sha1))
			}
			b = append(b, `" Name="`...)
			b = appendEscaped(b, f.name)
			b = append(b, `" />`...)
			if !flush() {
				return
			}
		}
		b = closeElement(b, "Files", len(p.files))
		b = append(b, "<Updates>"...)
		for _, n := range p.order {
			d := &p.documents[n]
			b = append(b, `<Update UpdateId="`...)
			b = append(b, d.id.String()...)
			b = fmt.Appendf(b, `" RevisionNumber="%d">`, d.number)
			b = openElement(b, "Files", len(d.files))
			for _, f := range d.files {
				b = append(b, `<File Digest="`...)
				b = base64.StdEncoding.AppendEncode(b, p.files[f].sha1[:])
				b = append(b, `" />`...)
			}
			b = closeElement(b, "Files", len(d.files))
			b = p.appendCategories(b, "Categories", "Category", d, false)
			b = p.appendCategories(b, "Classifications", "Classification", d, true)
			b = append(b, "</Update>"...)
			if !flush() {
				return
			}
		}
		yield(append(b, "</Updates></ExportPackage>"...))
	}
}

// appendCategories writes the products or the classifications of a document.
func (p *exportPlan) appendCategories(b []byte, group, element string, d *exportDocument, classifications bool) []byte {
	n := 0
	for _, id := range d.needs {
		k, ok := p.categories[p.ids[id]]
		if !ok || d.kind == model.DocumentCategory || d.kind == model.DocumentDetectoid || (k == model.CategoryClassification) != classifications {
			continue
		}
		if n++; n == 1 {
			b = append(b, "<"+group+">"...)
		}
		b = append(b, "<"+element+` Value="`...)
		b = append(b, p.ids[id].String()...)
		b = append(b, `" />`...)
	}
	if n == 0 {
		return append(b, "<"+group+" />"...)
	}
	return append(b, "</"+group+">"...)
}

func openElement(b []byte, name string, children int) []byte {
	if children == 0 {
		return append(b, "<"+name+" />"...)
	}
	return append(b, "<"+name+">"...)
}

func closeElement(b []byte, name string, children int) []byte {
	if children == 0 {
		return b
	}
	return append(b, "</"+name+">"...)
}

// appendEscaped writes the value of an attribute.
func appendEscaped(b []byte, s string) []byte {
	for _, c := range []byte(s) {
		switch {
		case c == '&':
			b = append(b, "&amp;"...)
		case c == '<':
			b = append(b, "&lt;"...)
		case c == '"':
			b = append(b, "&quot;"...)
		case c < 0x20:
			b = append(b, ' ') // text that is shown: no name has line breaks
		default:
			b = append(b, c)
		}
	}
	return b
}

// openRecords writes metadata.txt as it is read.
func (p *exportPlan) openRecords(ctx context.Context, src DocumentSource) io.ReadCloser {
	next := 0
	var buf []byte
	return &pieces{next: func() ([]byte, error) {
		if next == len(p.order) {
			return nil, io.EOF
		}
		d := &p.documents[p.order[next]]
		next++
		doc, err := src.Document(ctx, d.key())
		if err != nil {
			return nil, fmt.Errorf("reading the document of %s, revision %d: %w", d.id, d.number, err)
		}
		text := doc.Part(model.PartWhole)
		units := utf16Length(text)
		if int64(len(text)) != d.size || fitForRecord(text) != "" {
			return nil, fmt.Errorf("the document of %s, revision %d, changed while it was exported: export again", d.id, d.number)
		}
		buf = appendRecordHead(buf[:0], d.revision, units)
		buf = append(buf, text...)
		return append(buf, '\r', '\n'), nil
	}}
}

// pieces is a reader of what a function gives piece by piece. A piece is valid
// until the next one.
type pieces struct {
	next func() ([]byte, error)
	rest []byte
	err  error
	stop func()
}

func (p *pieces) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		p.rest, p.err = p.next()
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (p *pieces) Close() error {
	p.rest, p.err = nil, io.ErrClosedPipe
	if p.stop != nil {
		p.stop()
	}
	return nil
}
