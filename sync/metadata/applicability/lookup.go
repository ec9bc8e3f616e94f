package applicability

import (
	"slices"
	"strings"

	"fettle/model"
)

// key looks up a key of a test.
func (e *evaluation) key(w *world, p RegistryPath) keyFacts {
	logical, ok := e.logical(p)
	if !ok {
		return keyFacts{exists: Unknown}
	}
	return w.key(w.physical(logical, p.Narrow))
}

// value looks up a value of a test.
func (e *evaluation) value(w *world, p RegistryValuePath) valueFacts {
	return e.key(w, p.RegistryPath).value(p.Value)
}

// logical is a test's key as the program sees it; false when it stands for a
// key of a loop outside of one.
func (e *evaluation) logical(p RegistryPath) (string, bool) {
	root := fold(p.Root)
	if root == loopTarget {
		if len(e.loop) == 0 {
			return "", false
		}
		root = e.loop[len(e.loop)-1]
	}
	return joinKey(root, p.Subkey), true
}

// keyFacts is what a description says about one key.
type keyFacts struct {
	w        *world
	path     string
	exists   Truth
	complete bool // its values and subkeys are all stated
	stated   *statedKey
}

// words say whether the key exists.
func (k keyFacts) words() string {
	switch k.exists {
	case Yes:
		return "the key exists"
	case No:
		return "the key does not exist"
	}
	return notStated
}

const notStated = "not stated"

// subkeys are the names of the keys below that are known to exist, and whether
// they are all.
func (k keyFacts) subkeys() ([]string, bool) {
	if k.stated == nil {
		return nil, k.exists == No || k.complete
	}
	names := make([]string, 0, len(k.stated.children))
	for name := range k.stated.children {
		if k.w.key(k.path+`\`+name).exists == Yes {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, k.complete
}

// value looks up a value of the key.
func (k keyFacts) value(name string) valueFacts {
	switch {
	case k.exists == No:
		return valueFacts{exists: No, keyless: true}
	case k.stated != nil:
		if v, ok := k.stated.values[fold(name)]; ok {
			return valueFacts{RegistryValue: v, exists: truth(!v.Absent)}
		}
	}
	if k.complete {
		return valueFacts{exists: No}
	}
	return valueFacts{exists: Unknown}
}

// valueFacts is what a description says about one value.
type valueFacts struct {
	RegistryValue
	exists  Truth
	keyless bool // not even its key exists
}

// words say whether the value exists.
func (v valueFacts) words() string {
	switch {
	case v.keyless:
		return "the key does not exist"
	case v.exists == Yes:
		return "the value exists"
	case v.exists == No:
		return "the value does not exist"
	}
	return notStated
}

// unusable says why the value's data cannot be compared: No or Unknown, with
// words; Yes when they can.
func (v valueFacts) unusable(kind string) (Truth, string) {
	switch {
	case v.exists != Yes:
		return v.exists, v.words()
	case v.Type == "":
		return Unknown, "its data are not stated"
	case !strings.EqualFold(v.Type, kind):
		return No, "it is a " + model.Clean(v.Type)
	case !v.Known:
		return Unknown, "its data are not stated"
	}
	return Yes, ""
}
