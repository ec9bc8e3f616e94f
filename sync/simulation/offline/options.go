package offline

import (
	"cmp"
	"errors"
	"runtime"
	"time"

	"fettle/model"
)

// Options say what to write. Zero values mean what Real has.
type Options struct {
	Updates   int   // revisions of the first edition: bundles, members, detectoids, categories
	Locations int   // addresses of files
	Shards    int   // detail cabinets
	Unpacked  int64 // bytes that all fragments of the first edition unpack to, about; negative: no large manifests
	Languages []string
	Seed      uint64
	Edition   int // from 1
	Added     int // updates that each later edition adds, not counting their members

	Stored  bool // pack nothing: for tests that want no time spent on it
	Window  int  // of LZX: 15 to 21
	Effort  int  // of LZX: 0 means 8, which packs fast
	Workers int  // cabinets packed at a time: 0 means one per core
}

// Real gives the numbers of July 2026 (offline-catalogues A.1), but for the size:
// the real one unpacks to 25 GB.
func Real() Options {
	return Options{Updates: 137_000, Locations: 97_000, Shards: 74, Unpacked: 2_000_000_000, Edition: 1, Added: 400,
		Languages: []string{"de", "en", "fr", "ja", "pt-br"}, Window: 21, Effort: 8}
}

func (o Options) orReal() (Options, error) {
	r := Real()
	o.Updates = cmp.Or(o.Updates, r.Updates)
	o.Locations = cmp.Or(o.Locations, r.Locations)
	o.Shards = cmp.Or(o.Shards, r.Shards)
	o.Unpacked = cmp.Or(o.Unpacked, r.Unpacked)
	o.Edition = cmp.Or(o.Edition, r.Edition)
	o.Added = cmp.Or(o.Added, r.Added)
	o.Window = cmp.Or(o.Window, r.Window)
	o.Effort = cmp.Or(o.Effort, r.Effort)
	o.Workers = cmp.Or(o.Workers, runtime.GOMAXPROCS(0))
	if o.Languages == nil {
		o.Languages = r.Languages
	}
	switch {
	case o.Updates < 100:
		return o, errors.New("a simulated offline catalogue has at least 100 revisions")
	case o.Shards < 1 || o.Shards > o.Updates/10:
		return o, errors.New("a simulated offline catalogue has at least one detail cabinet and ten revisions in each")
	case o.Edition < 1 || o.Added < 0 || o.Locations < 1 || o.Workers < 1:
		return o, errors.New("a simulated offline catalogue has no editions, addresses or workers below one")
	}
	return o, nil
}

// Summary says what was written: what an import has to find.
type Summary struct {
	Package string
	Created time.Time

	Revisions  int
	Bundles    int // updates that an administrator sees
	Members    int
	Detectoids int
	Categories int
	Locations  int
	Superseded int              // bundles that a newer one supersedes
	New        []model.UpdateID // bundles that this edition added

	Unpacked int64 // bytes of all fragments
	Graph    int64 // bytes of package.xml
	Size     int64 // of the file
}
