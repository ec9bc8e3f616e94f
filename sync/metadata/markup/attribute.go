package markup

// Attribute is an attribute of an element. Declarations of namespaces are among
// them. All parts are valid until the next token.
type Attribute struct {
	// Space is its namespace; empty without a prefix, as attributes are in no
	// namespace by default, and "xmlns" for declarations of prefixes.
	Space string

	raw          []byte
	name, prefix int32 // lengths
	value        int32 // where the value begins in raw
	plain        bool
}

// Raw is name, equals sign and quoted value, as written.
func (a *Attribute) Raw() []byte { return a.raw }

// Name is the name as written, with its prefix.
func (a *Attribute) Name() []byte { return a.raw[:a.name] }

// Prefix is the prefix of the name; empty when there is none.
func (a *Attribute) Prefix() []byte { return a.raw[:a.prefix] }

// Local is the name without its prefix.
func (a *Attribute) Local() []byte {
	if a.prefix > 0 {
		return a.raw[a.prefix+1 : a.name]
	}
	return a.raw[:a.name]
}

// RawValue is what stands between the quotes, as written.
func (a *Attribute) RawValue() []byte { return a.raw[a.value : len(a.raw)-1] }

// Quote is the quotation mark around the value.
func (a *Attribute) Quote() byte { return a.raw[len(a.raw)-1] }

// Declaration says whether the attribute declares a namespace.
func (a *Attribute) Declaration() bool {
	if a.prefix > 0 {
		return a.prefix == 5 && string(a.raw[:5]) == "xmlns"
	}
	return a.name == 5 && string(a.raw[:5]) == "xmlns"
}

// Value is the value with escapes decoded and line ends normalized.
func (a *Attribute) Value() string {
	if a.plain {
		return string(a.RawValue())
	}
	return string(appendDecoded(nil, a.RawValue(), true))
}

// Is says whether the value is this. It saves making a string of it.
func (a *Attribute) Is(value string) bool {
	if a.plain {
		return string(a.RawValue()) == value
	}
	return a.Value() == value
}
