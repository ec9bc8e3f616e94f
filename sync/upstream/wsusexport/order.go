package wsusexport

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"

	"fettle/model"
	"fettle/sync/metadata"
)

// exportPlan is what an export remembers of the store: what there is, what
// depends on what, and so in which order it is written.
type exportPlan struct {
	documents  []exportDocument
	order      []int // of the documents
	ids        []guid
	files      []exportFile
	categories map[guid]model.CategoryKind
	size       int64 // of metadata.txt
	result     Exported

	idAt   map[guid]int32
	fileAt map[[20]byte]int32
}

// exportDocument is one document that will be written.
type exportDocument struct {
	revision
	kind    model.DocumentKind
	size    int64
	needs   []int32    // prerequisites, as places in ids, without repetition
	members []revision // of a bundle
	files   []int32
}

type exportFile struct {
	sha1 [20]byte
	name string
}

// planExport reads all documents once.
func planExport(ctx context.Context, src DocumentSource, o ExportOptions) (*exportPlan, error) {
	p := &exportPlan{categories: map[guid]model.CategoryKind{}, idAt: map[guid]int32{}, fileAt: map[[20]byte]int32{}}
	parser := metadata.NewParser(metadata.Limits{Rules: -1})
	seen := map[revision]struct{}{}
	progress := model.Progress{Phase: "reading documents", Since: o.Clock()}
	err := src.EachDocument(ctx, func(d *model.Document) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		progress.Done, progress.Bytes = progress.Done+1, progress.Bytes+d.Size()
		if progress.Done%256 == 0 {
			o.Progress(progress)
		}
		id, ok := revisionOf(d.DocumentKey)
		if !ok {
			p.refuse(d.DocumentKey, "its identifier is no GUID")
			return nil
		}
		if _, ok := seen[id]; ok {
			return nil
		}
		if d.Form != model.DocumentWhole {
			p.result.Fragments++
			return nil
		}
		if reason := p.add(parser, id, d.Part(model.PartWhole)); reason != "" {
			p.refuse(d.DocumentKey, reason)
			return nil
		}
		seen[id] = struct{}{}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the documents: %w", err)
	}
	p.sort()
	p.result.Documents, p.result.Files = len(p.documents), len(p.files)
	p.idAt, p.fileAt = nil, nil
	return p, nil
}

// refuse notes a document that is left out.
func (p *exportPlan) refuse(key model.DocumentKey, reason string) {
	p.result.Refused++
	if len(p.result.Unfit) < maxUnfit {
		p.result.Unfit = append(p.result.Unfit, model.ImportFailure{Item: fmt.Sprintf("%s, revision %d", key.ID, key.Revision), Reason: reason})
	}
}

// add takes in a document, or says why it cannot be written.
func (p *exportPlan) add(parser *metadata.Parser, id revision, text []byte) (reason string) {
	if reason := fitForRecord(text); reason != "" {
		return reason
	}
	u, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return err.Error()
	}
	if u.Identity != id.key() {
		return fmt.Sprintf("it is the document of %s, revision %d", model.Clean(string(u.ID)), u.Revision)
	}
	d := exportDocument{revision: id, kind: u.Type, size: int64(len(text))}
	for _, clause := range u.Prerequisites {
		for _, need := range clause.IDs {
			if g, ok := parseGUID([]byte(need)); ok {
				if n := p.id(g); !slices.Contains(d.needs, n) {
					d.needs = append(d.needs, n)
				}
			}
		}
	}
	for _, clause := range u.Bundles {
		for _, key := range clause.Members {
			if member, ok := revisionOf(key); ok {
				d.members = append(d.members, member)
			}
		}
	}
	for _, f := range u.Files {
		if len(f.SHA1) == 20 {
			if n := p.file(f); !slices.Contains(d.files, n) {
				d.files = append(d.files, n)
			}
		}
	}
	if u.Type == metadata.Category && u.Category != nil {
		p.categories[id.id] = u.Category.Kind
	}
	p.documents = append(p.documents, d)
	p.size += headerSize + int64(len(text)) + 2
	p.result.Bytes += int64(len(text))
	return ""
}

// id gives the place of an identifier that others need.
func (p *exportPlan) id(g guid) int32 {
	n, ok := p.idAt[g]
	if !ok {
		n = int32(len(p.ids))
		p.ids, p.idAt[g] = append(p.ids, g), n
	}
	return n
}

// file gives the place of a payload file.
func (p *exportPlan) file(f metadata.File) int32 {
	sum := [20]byte(f.SHA1)
	n, ok := p.fileAt[sum]
	if !ok {
		n = int32(len(p.files))
		p.files, p.fileAt[sum] = append(p.files, exportFile{sum, f.Name}), n
	}
	return n
}

// sort finds the order: categories and detectoids before the rest, prerequisites
// before what needs them, in all their revisions, members before their bundle;
// where that leaves a choice, the order in which the store gave the documents.
// A circle, which no vendor publishes, is cut where it is met.
func (p *exportPlan) sort() {
	byID := map[guid][]int{}
	for i := range p.documents {
		byID[p.documents[i].id] = append(byID[p.documents[i].id], i)
	}
	exact := make(map[revision]int, len(p.documents))
	for id, all := range byID {
		slices.SortFunc(all, func(a, b int) int { return cmp.Compare(p.documents[a].number, p.documents[b].number) })
		byID[id] = all
		for _, i := range all {
			exact[p.documents[i].revision] = i
		}
	}
	// before lists what has to be written before a document.
	before := func(i int) []int {
		d := &p.documents[i]
		var list []int
		for _, earlier := range byID[d.id] {
			if p.documents[earlier].number < d.number {
				list = append(list, earlier)
			}
		}
		for _, n := range d.needs {
			if id := p.ids[n]; id != d.id {
				list = append(list, byID[id]...)
			}
		}
		for _, m := range d.members {
			if n, ok := exact[m]; ok {
				list = append(list, n)
			}
		}
		return list
	}
	starts := make([]int, len(p.documents))
	for i := range starts {
		starts[i] = i
	}
	slices.SortStableFunc(starts, func(a, b int) int { return cmp.Compare(p.documents[a].stage(), p.documents[b].stage()) })
	const unseen, open, written = 0, 1, 2
	state := make([]uint8, len(p.documents))
	type visit struct {
		document int
		before   []int
	}
	p.order = make([]int, 0, len(p.documents))
	var stack []visit // not recursion: who made the documents decides how deep it gets
	for _, start := range starts {
		if state[start] != unseen {
			continue
		}
		state[start] = open
		stack = append(stack, visit{start, before(start)})
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if len(top.before) == 0 {
				state[top.document] = written
				p.order = append(p.order, top.document)
				stack = stack[:len(stack)-1]
				continue
			}
			next := top.before[0]
			top.before = top.before[1:]
			if state[next] == unseen {
				state[next] = open
				stack = append(stack, visit{next, before(next)})
			}
		}
	}
}

// stage is when a document is written, if it were only for its kind.
func (d *exportDocument) stage() int {
	switch {
	case d.kind == model.DocumentCategory || d.kind == model.DocumentDetectoid:
		return 0
	case len(d.members) == 0:
		return 1
	}
	return 2
}

// stream is a reader of the pieces of a sequence.
func stream(seq iter.Seq[[]byte]) io.ReadCloser {
	next, stop := iter.Pull(seq)
	return &pieces{stop: stop, next: func() ([]byte, error) {
		piece, ok := next()
		if !ok {
			return nil, io.EOF
		}
		return piece, nil
	}}
}
