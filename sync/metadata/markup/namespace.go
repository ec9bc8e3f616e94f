package markup

import "slices"

const (
	xmlSpace = "http://www.w3.org/XML/1998/namespace"
	nsSpace  = "http://www.w3.org/2000/xmlns/"

	maxDeclarations = 1 << 10 // in force at a time: they are looked through for every prefix
	maxInterned     = 1 << 12
)

// namespaces knows which prefixes mean what.
type namespaces struct {
	bound    []binding
	interned map[string]string // names come again and again: one string for each
}

type binding struct{ prefix, space string }

func (n namespaces) reset() namespaces {
	clear(n.bound)
	if len(n.interned) > maxInterned {
		clear(n.interned)
	}
	return namespaces{bound: n.bound[:0], interned: n.interned}
}

func (n *namespaces) intern(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if s, ok := n.interned[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(n.interned) < maxInterned && len(s) <= 256 {
		if n.interned == nil {
			n.interned = map[string]string{}
		}
		n.interned[s] = s
	}
	return s
}

// declare takes in the declarations among the attributes of an element; the
// reason is empty when they are in order.
func (n *namespaces) declare(attrs []Attribute) (reason string) {
	for i := range attrs {
		a := &attrs[i]
		if !a.Declaration() {
			continue
		}
		if len(n.bound) >= maxDeclarations {
			return "more namespaces are declared than allowed"
		}
		var b binding
		if a.plain {
			b.space = n.intern(a.RawValue())
		} else {
			b.space = a.Value()
		}
		if a.prefix > 0 {
			b.prefix = n.intern(a.Local())
			switch {
			case b.space == "":
				return "a prefix is declared without a namespace"
			case b.prefix == "xmlns":
				return "the prefix xmlns is declared"
			case (b.prefix == "xml") != (b.space == xmlSpace):
				return "the prefix xml is declared for another namespace"
			}
		} else if b.space == xmlSpace {
			return "the namespace of xml is declared without its prefix"
		}
		if b.space == nsSpace {
			return "the namespace of declarations is declared"
		}
		n.bound = append(n.bound, b)
	}
	return ""
}

// resolve finds the namespace of a prefix. Names without one are in the default
// namespace if they are names of elements, else in none.
func (n *namespaces) resolve(prefix []byte, element bool) (space, reason string) {
	if len(prefix) == 0 && !element {
		return "", ""
	}
	for _, b := range slices.Backward(n.bound) {
		if b.prefix == string(prefix) {
			return b.space, ""
		}
	}
	switch string(prefix) {
	case "":
		return "", ""
	case "xml":
		return xmlSpace, ""
	}
	return "", "a prefix is used that is not declared"
}

func (n *namespaces) resolveAttributes(attrs []Attribute) (reason string) {
	for i := range attrs {
		a := &attrs[i]
		if a.prefix == 0 {
			continue
		}
		if a.Declaration() {
			a.Space = "xmlns"
			continue
		}
		if a.Space, reason = n.resolve(a.Prefix(), false); reason != "" {
			return reason
		}
		for k := range i {
			if b := &attrs[k]; b.prefix > 0 && b.Space == a.Space && string(b.Local()) == string(a.Local()) {
				return "an attribute is given twice"
			}
		}
	}
	return ""
}
