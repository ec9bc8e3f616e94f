package wsusexport

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
)

// bom is the mark that package.xml begins with and metadata.txt does not.
const bom = "\uFEFF"

// Language is a language that the exporting server knows.
type Language struct {
	ID        int // of Windows; 0 stands for all
	ShortName string
	LongName  string
	Enabled   bool // the server keeps content in it
}

// manifest is what a package says about itself.
type manifest struct {
	ServerID         string // in lower case; empty when the package names none
	created          string // as written
	Created          time.Time
	Format, Protocol string
	Languages        []Language
	revisions        int             // that it lists
	newest           map[guid]uint32 // the highest revision of each identifier
	unreadable       int             // revisions whose identity makes no sense
	files            addresses
	size             int64 // bytes of metadata, 0 when not known
	listed           bool  // there is a package.xml that lists the revisions
}

// isNewest says whether a revision is the newest of its update in the package.
func (m *manifest) isNewest(r revision) bool { return m.newest[r.id] == r.number }

// add takes in a revision.
func (m *manifest) add(r record) {
	m.revisions++
	if r.problem != "" {
		m.unreadable++
		return
	}
	if n, ok := m.newest[r.id]; !ok || r.number > n {
		m.newest[r.id] = r.number
	}
}

// settle checks what the root element says.
func (m *manifest) settle() {
	if id, ok := parseGUID([]byte(strings.Trim(m.ServerID, "{}"))); ok {
		m.ServerID = id.String()
	} else {
		m.ServerID = ""
	}
	// Times are in UTC, whether they say so or not.
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05Z", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, m.created); err == nil {
			m.Created = t.UTC()
			return
		}
	}
}

// readManifest reads a package.xml, or all of an XML that holds documents too.
func readManifest(ctx context.Context, r io.Reader, limit int) (*manifest, error) {
	p := newPackageXML(r, limit)
	m := &manifest{newest: map[guid]uint32{}, listed: true}
	none := func(revision) bool { return false }
	var spare []byte
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		item, out, err := p.next(spare[:0], none)
		spare = out
		if errors.Is(err, io.EOF) {
			return m, nil
		} else if err != nil {
			return nil, err
		}
		switch item {
		case itemRoot:
			files, revisions := m.files, m.newest
			*m = p.root
			m.files, m.newest, m.listed = files, revisions, true
			m.settle()
		case itemLanguage:
			if len(m.Languages) < 1000 {
				m.Languages = append(m.Languages, p.language)
			}
		case itemFile:
			if err := m.files.add(p.file.digest, p.file.url); err != nil {
				return nil, err
			}
		case itemRevision:
			m.add(p.record)
		}
	}
}

// addresses says where the vendor has files, by their SHA-1. A server knows
// hundreds of thousands, so they are kept in one piece.
type addresses struct {
	at     map[[20]byte]uint32
	text   []byte // each address behind its length
	unfit  int    // addresses that are none
	shared map[string]uint32
}

// maxAddresses bounds what is kept of addresses, in bytes.
const maxAddresses = 512 << 20

// add takes in one file of package.xml.
func (a *addresses) add(digest, address string) error {
	sum, ok := parseDigest(digest)
	if !ok || !fitAddress(address) {
		a.unfit++
		return nil
	}
	if _, ok := a.at[sum]; ok {
		return nil
	}
	// The folders are few and long, the names differ.
	folder, name := splitAddress(address)
	if a.at == nil {
		a.at, a.shared = map[[20]byte]uint32{}, map[string]uint32{}
	}
	if len(a.text)+len(folder)+len(name)+16 > maxAddresses {
		return fmt.Errorf("package.xml has more than %d bytes of addresses of files: it is no export of a server", maxAddresses)
	}
	at, ok := a.shared[folder]
	if !ok {
		at = uint32(len(a.text))
		a.text = binary.AppendUvarint(a.text, uint64(len(folder)))
		a.text = append(a.text, folder...)
		a.shared[folder] = at
	}
	a.at[sum] = uint32(len(a.text))
	a.text = binary.AppendUvarint(a.text, uint64(at))
	a.text = binary.AppendUvarint(a.text, uint64(len(name)))
	a.text = append(a.text, name...)
	return nil
}

// find gives the address of a file; empty when there is none.
func (a *addresses) find(sha1 []byte) string {
	if len(sha1) != 20 {
		return ""
	}
	at, ok := a.at[[20]byte(sha1)]
	if !ok {
		return ""
	}
	rest := a.text[at:]
	folder, n := binary.Uvarint(rest)
	name, _ := cutString(rest[n:])
	path, _ := cutString(a.text[folder:])
	return path + name
}

// cutString reads a length and so many bytes.
func cutString(b []byte) (string, []byte) {
	length, n := binary.Uvarint(b)
	return string(b[n : n+int(length)]), b[n+int(length):]
}

// splitAddress cuts an address behind its last slash.
func splitAddress(address string) (folder, name string) {
	i := strings.LastIndexByte(address, '/') + 1
	return address[:i], address[i:]
}

// fitAddress says whether an address can be used for fetching. Anything else in
// its place is a mistake or an attack.
func fitAddress(address string) bool {
	if len(address) > 2048 {
		return false
	}
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

// parseDigest reads a SHA-1 in base64.
func parseDigest(s string) (sum [20]byte, ok bool) {
	if len(s) != 28 {
		return sum, false
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) != 20 {
		return sum, false
	}
	return [20]byte(b), true
}

// skipMark passes over a byte order mark.
func skipMark(r io.Reader) io.Reader {
	b := bufio.NewReaderSize(r, 64<<10)
	if mark, _ := b.Peek(len(bom)); string(mark) == bom {
		b.Discard(len(bom))
	}
	return b
}
