package debian

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// mapping is raised when the way in which lists become updates changes: every
// release is then read again.
const mapping = 1

// anchor is what a run must know of the one before.
type anchor struct {
	Releases map[string]releaseMark `json:"releases"` // by "Debian/bookworm"
}

// releaseMark remembers one release as it was read.
type releaseMark struct {
	Mapping int                  `json:"mapping"`
	Suites  map[string]suiteMark `json:"suites"` // by codename
	Lists   map[string]listMark  `json:"lists"`  // by address
	// Gone says that the administrator was told that the release is no longer
	// configured. The mark is kept: if it comes back, it may not be older.
	Gone bool `json:"gone,omitempty"`
}

// suiteMark remembers what a suite's Release file said.
type suiteMark struct {
	Date    time.Time `json:"date"`
	Label   string    `json:"label,omitempty"`
	Version string    `json:"version,omitempty"`
}

// listMark remembers a list: what its Release file said of it, and how many
// packages it had.
type listMark struct {
	Hash      string `json:"hash"`
	Suite     string `json:"suite"`
	Component string `json:"component,omitempty"`
	Arch      string `json:"arch"`
	Packages  int    `json:"packages"`
}

// decodeAnchor reads an anchor; nil is the initial one.
func decodeAnchor(data []byte) (anchor, error) {
	var a anchor
	if len(data) > 0 {
		if err := json.Unmarshal(data, &a); err != nil {
			return anchor{Releases: map[string]releaseMark{}}, fmt.Errorf("reading the anchor: %w", err)
		}
	}
	if a.Releases == nil {
		a.Releases = map[string]releaseMark{}
	}
	return a, nil
}

// encode writes the anchor; equal anchors give equal bytes, since JSON sorts maps.
func (a anchor) encode() ([]byte, error) {
	data, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("writing the anchor: %w", err)
	}
	return data, nil
}

// sameLists says whether two marks describe the same lists with the same contents,
// of suites that say the same of themselves, mapped in the same way. Their dates do
// not matter here.
func (m releaseMark) sameLists(o releaseMark) bool {
	if m.Mapping != o.Mapping || len(m.Lists) != len(o.Lists) || len(m.Suites) != len(o.Suites) {
		return false
	}
	for uri, l := range m.Lists {
		if p, ok := o.Lists[uri]; !ok || p.Hash != l.Hash || p.Suite != l.Suite || p.Component != l.Component {
			return false
		}
	}
	for name, s := range m.Suites {
		if p, ok := o.Suites[name]; !ok || p.Label != s.Label || p.Version != s.Version {
			return false
		}
	}
	return true
}

// mark gives the form of a hash that an anchor keeps.
func mark(hash [32]byte) string { return hex.EncodeToString(hash[:]) }
