package applicability

import (
	"strings"

	"fettle/model"
)

// LoopLogic says for how many subkeys the operand of a RegKeyLoop must hold.
type LoopLogic string

// The ways of a loop.
const (
	LoopAny  LoopLogic = "Any"
	LoopAll  LoopLogic = "All"
	LoopNone LoopLogic = "None"
)

// RegistryLoopTest evaluates the rule's operand for every subkey of a key, which
// HKEY_LOOP_TARGET then stands for: RegKeyLoop. Where the key does not exist
// there are no subkeys: Any is No, None and All are Yes.
type RegistryLoopTest struct {
	RegistryPath
	TrueIf LoopLogic
	rule   *Rule
}

func readRegistryLoop(a *attributes) Test {
	t := &RegistryLoopTest{RegistryPath: a.registryPath(), rule: a.rule}
	s := a.text("TrueIf")
	for _, l := range []LoopLogic{LoopAny, LoopAll, LoopNone} {
		if strings.EqualFold(s, string(l)) {
			t.TrueIf = l
		}
	}
	if t.TrueIf == "" && s != "" {
		a.malformed("TrueIf", s)
	}
	return t
}

// head introduces the operand in texts.
func (t *RegistryLoopTest) head(not bool) string {
	word := map[LoopLogic]string{LoopAny: "any", LoopAll: "every", LoopNone: "no"}[t.TrueIf]
	if word == "" {
		word = "some"
	}
	return choose(not, "not so that ", "") + "for " + word + " subkey of " + t.String() + t.view()
}

func (t *RegistryLoopTest) phrase(not bool) string { return t.head(not) }

func (t *RegistryLoopTest) evaluate(e *evaluation) (Truth, string) {
	return e.everywhere(func(w *world) (Truth, string) {
		k := e.key(w, t.RegistryPath)
		names, whole := k.subkeys()
		logical, ok := e.logical(t.RegistryPath)
		if !ok {
			return Unknown, k.words()
		}
		some, every := No, Yes
		holds := 0
		for _, name := range names {
			e.loop = append(e.loop, logical+`\`+name)
			u := e.operand(t.rule)
			e.loop = e.loop[:len(e.loop)-1]
			some, every = some.Or(u), every.And(u)
			if u == Yes {
				holds++
			}
		}
		if !whole { // there may be more subkeys
			some, every = some.Or(Unknown), every.And(Unknown)
		}
		words := "it holds for " + model.Number(holds) + " of " + model.Number(len(names)) + choose(whole, " subkeys", " stated subkeys")
		switch {
		case k.exists == No:
			words = k.words()
		case len(names) == 0 && !whole:
			words = "its subkeys are not stated"
		}
		switch t.TrueIf {
		case LoopAll:
			return every, words
		case LoopNone:
			return some.Not(), words
		}
		return some, words
	})
}
