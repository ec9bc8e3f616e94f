package wsusscn2

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"fettle/model"
	"fettle/sync/metadata/markup"
	"fettle/sync/upstream"
)

// mostShards bounds what index.xml may list; real editions have 74.
const mostShards = 4096

// index says which cabinet holds what (offline-catalogues A.3).
type index struct {
	graph  string  // the cabinet of package.xml
	shards []shard // by their first RevisionId
}

// shard is a detail cabinet: it holds the fragments of the RevisionIds from
// first on, up to the next shard's.
type shard struct {
	name  string
	first uint32
}

// find gives the shard that holds a revision; false when none does.
func (x *index) find(key uint32) (int, bool) {
	i, exact := slices.BinarySearchFunc(x.shards, key, func(s shard, key uint32) int {
		switch {
		case s.first < key:
			return -1
		case s.first > key:
			return 1
		}
		return 0
	})
	if !exact {
		i--
	}
	return i, i >= 0
}

// readIndex reads index.xml. name is what errors call the whole file.
func readIndex(r io.Reader, name string) (*index, error) {
	wrong := func(format string, args ...any) error {
		return &upstream.ImplausibleError{What: name, Why: "index.xml " + fmt.Sprintf(format, args...)}
	}
	x := &index{}
	s := markup.NewScanner(r, markup.Limits{Depth: 16})
	if err := root(s); err != nil {
		return nil, fmt.Errorf("reading index.xml of %s: %w", name, err)
	}
	if !strings.EqualFold(string(s.Local()), "INDEX") {
		return nil, wrong("is a list of another kind, %q", model.Clean(string(s.Local())))
	}
	lists := 0
	err := children(s, func(local []byte) error {
		if string(local) != "CABLIST" {
			return s.Skip()
		}
		lists++
		// No other value was ever seen; another one could mean that names or
		// contents are to be decoded first (offline-catalogues A.3).
		if xor := text(s, "XOR"); xor != "" && xor != "0" {
			return wrong("wants the cabinets decoded by XOR with %q, which is not known here", model.Clean(xor))
		}
		return children(s, func(local []byte) error {
			if string(local) != "CAB" {
				return s.Skip()
			}
			cab := text(s, "NAME")
			start := s.Attribute("RANGESTART")
			switch {
			case cab == "":
				return wrong("lists a cabinet without a name")
			case start == nil && x.graph == "":
				x.graph = cab
			case start == nil:
				return wrong("lists two cabinets without a range, %q and %q", model.Clean(x.graph), model.Clean(cab))
			case len(x.shards) == mostShards:
				return wrong("lists more than %d cabinets", mostShards)
			default:
				first, err := strconv.ParseUint(start.Value(), 10, 31)
				if err != nil {
					return wrong("gives %q the range %q", model.Clean(cab), model.Clean(start.Value()))
				}
				x.shards = append(x.shards, shard{cab, uint32(first)})
			}
			return s.Skip()
		})
	})
	if err != nil {
		var implausible *upstream.ImplausibleError
		if errors.As(err, &implausible) {
			return nil, err
		}
		return nil, fmt.Errorf("reading index.xml of %s: %w", name, err)
	}
	switch {
	case lists != 1:
		return nil, wrong("has %d lists of cabinets", lists)
	case x.graph == "":
		return nil, wrong("names no cabinet for package.xml")
	case len(x.shards) == 0:
		return nil, wrong("lists no cabinet with details")
	}
	slices.SortStableFunc(x.shards, func(a, b shard) int { return int(int64(a.first) - int64(b.first)) })
	names := map[string]bool{strings.ToLower(x.graph): true}
	for i, s := range x.shards {
		if i > 0 && x.shards[i-1].first == s.first {
			return nil, wrong("begins two cabinets at %d", s.first)
		}
		if lower := strings.ToLower(s.name); names[lower] {
			return nil, wrong("lists %q twice", model.Clean(s.name))
		} else {
			names[lower] = true
		}
	}
	return x, nil
}
