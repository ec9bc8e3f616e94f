package wsusexport

import (
	"encoding/hex"

	"fettle/model"
)

// guid is an identifier in its short form: a catalogue has hundreds of thousands.
type guid [16]byte

// revision names one revision in the short form.
type revision struct {
	id     guid
	number uint32
}

// parseGUID reads the 36 characters of a GUID in either case, without braces.
func parseGUID(s []byte) (g guid, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return guid{}, false
	}
	i := 0
	for n := range g {
		if n == 4 || n == 6 || n == 8 || n == 10 {
			i++ // a hyphen
		}
		high, low := hexDigit(s[i]), hexDigit(s[i+1])
		if high < 0 || low < 0 {
			return guid{}, false
		}
		g[n] = byte(high<<4 | low)
		i += 2
	}
	return g, true
}

// hexDigit gives the value of a hexadecimal digit; negative when it is none.
func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// String writes the GUID in lower case.
func (g guid) String() string {
	var b [36]byte
	hex.Encode(b[0:8], g[0:4])
	hex.Encode(b[9:13], g[4:6])
	hex.Encode(b[14:18], g[6:8])
	hex.Encode(b[19:23], g[8:10])
	hex.Encode(b[24:36], g[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// key is the revision as the model names it.
func (r revision) key() model.DocumentKey {
	return model.DocumentKey{ID: model.UpdateID(r.id.String()), Revision: r.number}
}

// revisionOf shortens a key; false when its identifier is no GUID.
func revisionOf(k model.DocumentKey) (revision, bool) {
	g, ok := parseGUID([]byte(k.ID))
	return revision{g, k.Revision}, ok
}
