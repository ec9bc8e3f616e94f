package wsusscn2

import (
	"bytes"
	"testing"

	"fettle/model"
)

// FuzzPackage gives package.xml anything.
func FuzzPackage(f *testing.F) {
	f.Add([]byte(tiny().graph))
	f.Add([]byte(rootOf + `</OfflineSyncPackage>`))
	f.Add([]byte(rootOf + `<FileLocations><FileLocation Id="` + fileID + `" Url="http://a&amp;b" IsIncluded="true"/></FileLocations></OfflineSyncPackage>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := readGraph(bytes.NewReader(b), "x", nil)
		if err != nil {
			return
		}
		for i := range c.revisions {
			r := &c.revisions[i]
			if at, ok := c.byKey(r.key); !ok || at != i {
				t.Fatalf("revision %d is not found by its RevisionId", i)
			}
			if at, ok := c.byIdentity(r.id, r.number); !ok || at != i {
				t.Fatalf("revision %d is not found by its identity", i)
			}
			if !c.has(r.id) || int(r.supersededBy.to) > len(c.edges) || int(r.categories.to) > len(c.used) || int(r.payload.to) > len(c.payload) {
				t.Fatalf("%+v", r)
			}
			_ = c.languages[r.language]
		}
		j := newJoin(&details{catalogue: c, kinds: make([]model.DocumentKind, len(c.revisions)), deploy: make([]bool, len(c.revisions))}, nil)
		categories, err := j.categories()
		if err != nil {
			t.Fatal(err)
		}
		before := map[model.CategoryID]bool{"": true}
		for _, category := range categories {
			if !before[category.Parent] {
				t.Fatalf("%+v comes before its parent", category)
			}
			before[category.ID] = true
		}
	})
}

// FuzzIndex gives index.xml anything: whatever is accepted has an answer for
// every RevisionId.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(`<INDEX VERSION="1"><CABLIST XOR="0"><CAB NAME="package.cab" /><CAB NAME="package2.cab" RANGESTART="0" FILESDIR="1" /><CAB NAME="package3.cab" RANGESTART="170753" /></CABLIST></INDEX>`))
	f.Add([]byte(`<INDEX><CABLIST><CAB NAME="a"/><CAB NAME="b" RANGESTART="5"/></CABLIST></INDEX>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := readIndex(bytes.NewReader(b), "x")
		if err != nil {
			return
		}
		if x.graph == "" || len(x.shards) == 0 {
			t.Fatalf("%+v", x)
		}
		for i, s := range x.shards {
			if at, ok := x.find(s.first); !ok || at != i {
				t.Fatalf("%d begins shard %d, found %d", s.first, i, at)
			}
			if at, ok := x.find(s.first - 1); s.first > 0 && (ok != (i > 0) || ok && at != i-1) {
				t.Fatalf("what is before %d is in shard %d", s.first, at)
			}
		}
	})
}
