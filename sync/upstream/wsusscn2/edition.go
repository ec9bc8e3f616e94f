package wsusscn2

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"fettle/model"
)

// Edition is what names one publication of the catalogue. Two files of the same
// edition hold the same.
type Edition struct {
	Package string    // PackageId: new with every edition
	Created time.Time // CreationDate
	Source  string    // SourceId: the same for years
	Version string    // PackageVersion

	Size   int64 // bytes of the file
	Shards int   // detail cabinets

	Signature Signature
}

// String describes the edition in a phrase.
func (e Edition) String() string {
	made := "without a date"
	if !e.Created.IsZero() {
		made = "of " + e.Created.UTC().Format("2006-01-02 15:04 UTC")
	}
	return fmt.Sprintf("Microsoft's offline scan catalogue %s (package %s, %d detail cabinets, %s)", made, e.name(), e.Shards, bytesInWords(e.Size))
}

func (e Edition) name() string {
	if e.Package == "" {
		return "without an identifier"
	}
	return e.Package
}

// importer is counted up when what an import makes of the same file changes, so
// that the same edition is read again after Fettle was replaced by a newer one.
const importer = 1

// anchor is what a run continues from: the edition that is in force.
type anchor struct {
	Package   string    `json:"package"`
	Created   time.Time `json:"created,omitzero"`
	Languages []string  `json:"languages,omitempty"` // that texts were taken in
	Importer  int       `json:"importer"`
	Partial   bool      `json:"partial,omitempty"` // some of it could not be read: worth another try
}

func decodeAnchor(b []byte) (anchor, error) {
	var a anchor
	if len(b) == 0 {
		return a, nil
	}
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(&a); err != nil {
		return anchor{}, fmt.Errorf("reading what the last import left: %w", err)
	}
	return a, nil
}

func (a anchor) encode() []byte {
	b, err := json.Marshal(a)
	if err != nil { // strings and a time: it cannot fail, and a run without an anchor only costs time
		return nil
	}
	return b
}

// anchor is what an import of this edition leaves.
func (e Edition) anchor(languages []string, partial bool) anchor {
	return anchor{Package: e.Package, Created: e.Created, Languages: languages, Importer: importer, Partial: partial}
}

// same says whether an import would bring what is in force already.
func (a anchor) same(b anchor) bool {
	return a.Package != "" && a.Package == b.Package && a.Created.Equal(b.Created) && a.Importer == b.Importer &&
		!a.Partial && slices.Equal(a.Languages, b.Languages)
}

// refuseOlder refuses an edition older than the one in force: an old one is
// signed as well as a new one, and lacks what came since (offline-catalogues F.1).
func (a anchor) refuseOlder(e Edition, name string) error {
	if a.Created.IsZero() || !e.Created.Before(a.Created) {
		return nil
	}
	return &model.Refusal{
		Code: "older-edition", What: fmt.Sprintf("%s is older than the catalogue that is in force", name),
		Why: fmt.Sprintf("it was made on %s, the other on %s, and would take back what came in between",
			e.Created.UTC().Format("2006-01-02"), a.Created.UTC().Format("2006-01-02")),
		Remedy: "carry in a newer wsusscn2.cab, or force the import if the older one is wanted",
	}
}

// bytesInWords writes a size: "658.2 MB".
func bytesInWords(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return count(int(n), "byte")
}

// count words a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	if stem, ok := strings.CutSuffix(thing, "y"); ok {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
