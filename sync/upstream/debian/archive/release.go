package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"fettle/model"
	"fettle/sync/upstream/debian/deb822"
)

// MaxReleaseSize bounds a Release file. Debian's main one has 150 kB.
const MaxReleaseSize = 8 << 20

// Release is what a Release or InRelease file says of one suite.
type Release struct {
	Origin     string // who runs the archive: "Debian"
	Label      string // "Debian-Security"
	Suite      string // "oldstable": moves from release to release
	Codename   string // "bookworm-security"
	Version    string // "12.15"
	Date       time.Time
	ValidUntil time.Time         // zero: for ever
	Lists      map[string]List   // by path below the suite, such as "main/binary-amd64/Packages"
	Digest     [sha256.Size]byte // SHA-256 of the signed text

	architectures []string
	noArchAll     bool // packages for "all" are in the list of every architecture
}

// List is what a Release file says of one of its files.
type List struct {
	Size   int64
	SHA256 [sha256.Size]byte
}

// Security says whether the suite brings security updates.
func (r *Release) Security() bool { return model.SecuritySuite(r.Codename, r.Label) }

// HasLists says whether the suite has lists of an architecture. For "all" it has
// some only if it says so: otherwise such packages are in every other list, and a
// list of their own, even if it exists, is not read (apt does the same).
func (r *Release) HasLists(arch string) bool {
	if arch == "all" && r.noArchAll {
		return false
	}
	return slices.Contains(r.architectures, arch) || len(r.architectures) == 0 && arch != "all"
}

// Release names the release that the suite belongs to: "bookworm".
func (r *Release) Release() string { return model.DebianRelease(r.Codename) }

var (
	signedStart    = []byte("-----BEGIN PGP SIGNED MESSAGE-----")
	signatureStart = []byte("-----BEGIN PGP SIGNATURE-----")
	signatureEnd   = []byte("-----END PGP SIGNATURE-----")
)

// signedText cuts the signed part out of an InRelease file (RFC 9580, 7). It
// refuses anything around it: what is outside was not signed. A plain Release
// file, whose signature is a file beside it, is returned as it is.
func signedText(data []byte) ([]byte, error) {
	if !bytes.Contains(data, signedStart) {
		return data, nil
	}
	const (
		before = iota
		headers
		text
		signature
		after
	)
	state := before
	signed := make([]byte, 0, len(data))
	for line := range bytes.Lines(data) {
		bare := bytes.TrimRight(line, " \t\r\n")
		switch {
		case state == before && bytes.Equal(bare, signedStart):
			state = headers
		case state == headers && len(bare) == 0:
			state = text
		case state == headers && bytes.Contains(bare, []byte(": ")):
		case state == text && bytes.Equal(bare, signatureStart):
			state = signature
		case state == text && bytes.HasPrefix(line, []byte("- ")):
			signed = append(signed, line[2:]...)
		case state == text && !bytes.HasPrefix(line, []byte("-")):
			signed = append(signed, line...)
		case state == signature && bytes.Equal(bare, signatureEnd):
			state = after
		case state == signature && !bytes.HasPrefix(line, []byte("-")):
		case state == after && len(bare) == 0:
		case state == before || state == after:
			return nil, errors.New("there is text outside the signed part of the InRelease file")
		default:
			return nil, errors.New("the InRelease file is damaged: its signed part is not well formed")
		}
	}
	if state != after {
		return nil, errors.New("the InRelease file is damaged: it ends within the signed part or the signature")
	}
	return signed, nil
}

// ParseRelease reads a Release or InRelease file. It does not check the
// signature: the caller has, or apt did before it put the file among its lists.
func ParseRelease(data []byte) (*Release, error) {
	if len(data) > MaxReleaseSize {
		return nil, fmt.Errorf("the Release file has %d bytes, more than any archive's", len(data))
	}
	text, err := signedText(data)
	if err != nil {
		return nil, err
	}
	reader := deb822.NewReader(bytes.NewReader(text))
	fields, err := reader.Next()
	if err == io.EOF {
		return nil, errors.New("the Release file is empty")
	}
	if err != nil {
		return nil, fmt.Errorf("the Release file is damaged: %w", err)
	}
	r := &Release{Digest: sha256.Sum256(text)}
	seen := map[string]bool{}
	for _, f := range fields {
		name, value := string(f.Name), string(deb822.FirstLine(f.Value))
		if seen[name] {
			return nil, fmt.Errorf("the Release file has two fields %q", model.Clean(name))
		}
		seen[name] = true
		switch name {
		case "origin":
			r.Origin = value
		case "label":
			r.Label = model.Clean(value)
		case "suite":
			r.Suite = value
		case "codename":
			r.Codename = value
		case "version":
			r.Version = bounded(value, 40)
		case "date":
			r.Date, err = parseDate(value)
		case "valid-until":
			r.ValidUntil, err = parseDate(value)
		case "no-support-for-architecture-all":
			r.noArchAll = strings.Contains(value, "Packages")
		case "architectures":
			r.architectures = strings.Fields(value)
		case "sha256":
			r.Lists, err = parseLists(f.Value)
		}
		if err != nil {
			return nil, fmt.Errorf("field %s of the Release file: %w", name, err)
		}
	}
	if r.Codename == "" {
		r.Codename = r.Suite // small archives name only one of the two
	}
	if _, err := reader.Next(); err != io.EOF {
		return nil, errors.New("the Release file has more than one stanza")
	}
	return r, nil
}

// parseDate reads the RFC 1123 dates of Release files. They are in UTC, some tools
// write "GMT" or "+0000".
func parseDate(s string) (time.Time, error) {
	for _, layout := range []string{"Mon, _2 Jan 2006 15:04:05 MST", "Mon, _2 Jan 2006 15:04:05 -0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a date", model.Clean(s))
}

// parseLists reads the lines "HASH SIZE PATH" of a Release file's SHA256 field.
func parseLists(value []byte) (map[string]List, error) {
	lists := map[string]List{}
	for line := range deb822.Lines(value) {
		parts := bytes.Fields(line)
		if len(parts) != 3 || len(parts[0]) != 2*sha256.Size {
			return nil, fmt.Errorf("%q is not a hash, a size and a path", model.Clean(string(line)))
		}
		var l List
		if _, err := hex.Decode(l.SHA256[:], parts[0]); err != nil {
			return nil, fmt.Errorf("%q is not a hash", model.Clean(string(parts[0])))
		}
		size, err := strconv.ParseUint(string(parts[1]), 10, 62)
		if err != nil {
			return nil, fmt.Errorf("%q is not a size", model.Clean(string(parts[1])))
		}
		l.Size = int64(size)
		lists[string(parts[2])] = l
	}
	return lists, nil
}

// Title names the release for people: "Debian 12 (bookworm)". Debian counts its
// point releases behind a full stop ("12.15"), and its other suites behind a
// hyphen ("12-updates"); both are the same release. Ubuntu's full stop ("22.04")
// belongs to the name.
func (r *Release) Title() string {
	version, _, _ := strings.Cut(r.Version, "-")
	if r.Origin == "Debian" {
		version, _, _ = strings.Cut(version, ".")
	}
	title := r.Origin
	if version != "" && version != r.Release() {
		title += " " + version
	}
	return bounded(title+" ("+r.Release()+")", 200)
}

// bounded makes text from outside safe to show, and cuts it at limit bytes.
func bounded(s string, limit int) string {
	s = model.Clean(s)
	if len(s) <= limit {
		return s
	}
	const ellipsis = "..."
	cut := 0
	for i := range s { // i is always the start of a rune
		if i > limit-len(ellipsis) {
			break
		}
		cut = i
	}
	return s[:cut] + ellipsis
}
