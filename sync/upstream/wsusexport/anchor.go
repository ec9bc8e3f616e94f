package wsusexport

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// mapping is raised when the way in which documents become updates changes: an
// edition may then be imported again.
const mapping = 1

// anchor is what an import must know of those before: the newest edition of each
// server.
type anchor struct {
	Editions map[string]editionMark `json:"editions"` // by ServerID; by "sha256:..." where a package names none
}

// editionMark remembers an edition that is in force.
type editionMark struct {
	Created   time.Time `json:"created"`
	Revisions int       `json:"revisions"`
	Languages []string  `json:"languages,omitempty"` // that titles were taken in
	Mapping   int       `json:"mapping"`
}

// decodeAnchor reads an anchor; nil is the initial one.
func decodeAnchor(data []byte) (anchor, error) {
	var a anchor
	if len(data) > 0 {
		if err := json.Unmarshal(data, &a); err != nil {
			return anchor{Editions: map[string]editionMark{}}, fmt.Errorf("reading the anchor: %w", err)
		}
	}
	if a.Editions == nil {
		a.Editions = map[string]editionMark{}
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

// same says whether an edition would come out as it did before.
func (m editionMark) same(o editionMark) bool {
	return m.Created.Equal(o.Created) && m.Mapping == o.Mapping && slices.Equal(m.Languages, o.Languages)
}
