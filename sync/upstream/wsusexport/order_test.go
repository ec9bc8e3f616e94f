package wsusexport

import (
	"bytes"
	"context"
	"errors"
	"io"

	"fettle/sync/metadata"
)

// inOrder checks that nothing in a package comes before what it needs.
func inOrder(t interface {
	fataler
	Errorf(string, ...any)
}, file []byte) {
	p, err := sniff(bytes.NewReader(file), int64(len(file)), allowed.Cabinet)
	if err != nil {
		t.Fatal(err)
	}
	docs, err := p.documents(1 << 30)
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.readManifest(context.Background(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	ids, exact := map[guid]bool{}, map[revision]bool{}
	for {
		rec, text, err := docs.next(nil, nil)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		u, err := metadata.Parse(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, clause := range u.Prerequisites {
			for _, id := range clause.IDs {
				if g, ok := parseGUID([]byte(id)); ok && !ids[g] {
					if _, listed := m.newest[g]; listed {
						t.Errorf("%s comes before its prerequisite %s", u.ID, id)
					}
				}
			}
		}
		for _, clause := range u.Bundles {
			for _, key := range clause.Members {
				if id, ok := revisionOf(key); ok && !exact[id] {
					if _, listed := m.newest[id.id]; listed {
						t.Errorf("%s comes before its member %s", u.ID, key.ID)
					}
				}
			}
		}
		ids[rec.id], exact[rec.revision] = true, true
	}
}
