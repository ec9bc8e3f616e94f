package wsusscn2

import (
	"bytes"
	"errors"
	"io"

	"fettle/sync/metadata/markup"
)

// root reads up to the Start of the root element.
func root(s *markup.Scanner) error {
	for {
		kind, err := s.Next()
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if kind == markup.Start {
			return nil
		}
	}
}

// children calls visit at the Start of each child of the element whose Start was
// read last; visit reads on to the child's End. local is valid until the next
// token. Text between children is passed over.
func children(s *markup.Scanner, visit func(local []byte) error) error {
	for {
		kind, err := s.Next()
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		switch kind {
		case markup.End:
			return nil
		case markup.Start:
			if err := visit(s.Local()); err != nil {
				return err
			}
		}
	}
}

// value gives the bytes of an attribute, nil when there is none. They are valid
// until the next token.
func value(s *markup.Scanner, local string) []byte {
	a := s.Attribute(local)
	if a == nil {
		return nil
	}
	if bytes.IndexByte(a.RawValue(), '&') < 0 { // nearly always: no copy
		return a.RawValue()
	}
	return []byte(a.Value())
}

// text is value for what is kept.
func text(s *markup.Scanner, local string) string { return string(value(s, local)) }
