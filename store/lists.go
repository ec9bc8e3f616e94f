package store

import (
	"encoding/binary"
	"errors"

	"github.com/fxamacker/cbor/v2"

	"fettle/model"
)

// Long lists of numbers are kept as the differences of neighbours, a byte or two
// each, instead of five bytes of CBOR: a change of 100,000 updates with its
// inverse and its records must fit into one transaction, whole or not at all.

// listed is a record whose long lists were taken out of its body.
type listed struct {
	Body  cbor.RawMessage `cbor:"1,keyasint"`
	Lists [][]byte        `cbor:"2,keyasint"` // in the order of places; empty where the list stayed in the body
}

// longList is from how many numbers on a list is worth taking out.
const longList = 256

// places gives the lists of a record that may be long, in a fixed order.
func places(v any) []*[]uint32 {
	switch r := v.(type) {
	case *[]uint32:
		return []*[]uint32{r}
	case *model.Deployment:
		return []*[]uint32{&r.Updates}
	case *model.SyncRun:
		return []*[]uint32{&r.New, &r.Revised, &r.Expired, &r.Withdrawn, &r.Declined}
	case *model.Proposal:
		return placesOf(&r.Change)
	case *model.Entry:
		all := placesOf(&r.Change)
		if r.Inverse != nil {
			all = append(all, placesOf(r.Inverse)...)
		}
		return all
	}
	return nil
}

func placesOf(c *model.Change) []*[]uint32 {
	all := []*[]uint32{&c.Updates, &c.Computers}
	for i := range c.Also {
		all = append(all, placesOf(&c.Also[i])...)
	}
	return all
}

// copied gives a pointer to a copy of a record in which lists can be replaced
// without touching the original; nil when the record has none.
func copied(v any) any {
	switch r := v.(type) {
	case []uint32:
		return &r
	case model.Deployment:
		return &r
	case *model.Deployment:
		return copied(*r)
	case model.SyncRun:
		return &r
	case *model.SyncRun:
		return copied(*r)
	case model.Proposal:
		r.Change = clone(r.Change)
		return &r
	case *model.Proposal:
		return copied(*r)
	case model.Entry:
		r.Change = clone(r.Change)
		if r.Inverse != nil {
			r.Inverse = ptr(clone(*r.Inverse))
		}
		return &r
	case *model.Entry:
		return copied(*r)
	}
	return nil
}

// extract takes the long lists out of a copy of a record; lists is nil when
// there are none.
func extract(v any) (short any, lists [][]byte) {
	short = copied(v)
	if short == nil {
		return v, nil
	}
	found := false
	for _, list := range places(short) {
		if len(*list) < longList {
			lists = append(lists, nil)
			continue
		}
		found = true
		lists = append(lists, packNumbers(*list))
		*list = nil
	}
	if !found {
		return v, nil
	}
	return short, lists
}

// insert puts the lists back into a record.
func insert(v any, lists [][]byte) error {
	all := places(v)
	if len(all) != len(lists) {
		return errors.New("the number of its lists is wrong")
	}
	for i, b := range lists {
		if len(b) == 0 {
			continue
		}
		numbers, err := unpackNumbers(b)
		if err != nil {
			return err
		}
		*all[i] = numbers
	}
	return nil
}

// packNumbers writes the differences of neighbours; any order is kept.
func packNumbers(list []uint32) []byte {
	b := make([]byte, 0, len(list)*2)
	last := int64(0)
	for _, n := range list {
		b = binary.AppendVarint(b, int64(n)-last)
		last = int64(n)
	}
	return b
}

func unpackNumbers(b []byte) ([]uint32, error) {
	list := make([]uint32, 0, len(b))
	last := int64(0)
	for len(b) > 0 {
		d, n := binary.Varint(b)
		last += d
		if n <= 0 || d > 1<<32 || d < -1<<32 || last < 0 || last > 1<<32-1 {
			return nil, errors.New("a list of numbers is damaged")
		}
		list = append(list, uint32(last))
		b = b[n:]
	}
	return list, nil
}
