package store

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"
)

// Format bytes: the first byte of every value.
const (
	formatCBOR     = 1 // canonical CBOR
	formatCBORZstd = 2 // canonical CBOR, compressed with zstd: inventories
	formatRaw      = 3 // bytes that belong to somebody else: anchors
	formatLists    = 4 // canonical CBOR whose long lists of numbers stand behind it (lists.go)
)

// maxDecoded bounds what a compressed value may unpack to, in bytes: an
// inventory of 10,000 packages has about one tenth of it.
const maxDecoded = 16 << 20

var (
	encMode = must(cbor.EncOptions{Sort: cbor.SortCoreDeterministic, Time: cbor.TimeUnixDynamic}.EncMode())
	// Values were written by ourselves, but the disk may be damaged: the limits
	// of the decoder keep a flipped length from allocating without bound. Text
	// from outside may be invalid UTF-8; it must not make a record unreadable.
	decMode = must(cbor.DecOptions{UTF8: cbor.UTF8DecodeInvalid, MaxArrayElements: 4 << 20, MaxMapPairs: 1 << 20, MaxNestedLevels: 32}.DecMode())
	packer  = must(zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest)))
	opener  = must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDecoded)))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // options above are constants: cannot fail at run time
	}
	return v
}

// encode writes a value in canonical CBOR behind its format byte.
func encode(v any) ([]byte, error) {
	if short, lists := extract(v); lists != nil {
		body, err := encMode.Marshal(short)
		if err != nil {
			return nil, fmt.Errorf("encoding %T: %w", v, err)
		}
		b, err := encMode.Marshal(listed{Body: body, Lists: lists})
		if err != nil {
			return nil, fmt.Errorf("encoding %T: %w", v, err)
		}
		return append([]byte{formatLists}, b...), nil
	}
	b, err := encMode.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding %T: %w", v, err)
	}
	return append([]byte{formatCBOR}, b...), nil
}

// encodePacked is encode with compression, for large values.
func encodePacked(v any) ([]byte, error) {
	b, err := encMode.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding %T: %w", v, err)
	}
	return packer.EncodeAll(b, []byte{formatCBORZstd}), nil
}

// decode reads what encode and encodePacked wrote. It copies what it keeps.
func decode(b []byte, v any) error {
	if len(b) == 0 {
		return fmt.Errorf("decoding %T: the value is empty", v)
	}
	body := b[1:]
	switch b[0] {
	case formatCBOR:
	case formatCBORZstd:
		var err error
		if body, err = opener.DecodeAll(body, nil); err != nil {
			return fmt.Errorf("unpacking %T: %w", v, err)
		}
	case formatLists:
		var l listed
		err := decMode.Unmarshal(body, &l)
		if err == nil {
			err = decMode.Unmarshal(l.Body, v)
		}
		if err == nil {
			err = insert(v, l.Lists)
		}
		if err != nil {
			return fmt.Errorf("decoding %T: %w", v, err)
		}
		return nil
	default:
		return fmt.Errorf("decoding %T: format %d is not known to this version", v, b[0])
	}
	if err := decMode.Unmarshal(body, v); err != nil {
		return fmt.Errorf("decoding %T: %w", v, err)
	}
	return nil
}
