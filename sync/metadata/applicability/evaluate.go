package applicability

import "strings"

// maxLoops bounds loops within loops: their work multiplies.
const maxLoops = 3

// evaluation is one run over the rules of an update.
type evaluation struct {
	computer *Computer
	index    *index
	rules    *Rules
	loop     []string // keys that HKEY_LOOP_TARGET stands for, the innermost last
	memo     map[*Rule]answer
}

// answer is what a rule evaluated to, and for a leaf what was found.
type answer struct {
	truth Truth
	found string
}

// Evaluate says what the rules mean for a described computer, and why.
func (r *Rules) Evaluate(c *Computer) Result {
	e := &evaluation{computer: c, index: c.looked(), rules: r, memo: map[*Rule]answer{}}
	result := Result{Installed: Unknown, Superseded: No, Installable: Unknown}
	for _, s := range Sections() {
		rule, t := r.Section(s), Unknown
		if rule == nil {
			if s == SectionSuperseded { // hardly any update has one
				continue
			}
			result.Why = append(result.Why, Reason{Section: s, Truth: Unknown, Asks: missingAsks[s], Found: missingWords(r), Count: 1})
		} else {
			t = e.rule(rule).truth
			e.why(rule, s, &result.Why)
		}
		switch s {
		case SectionInstalled:
			result.Installed = t
		case SectionSuperseded:
			result.Superseded = t
		case SectionInstallable:
			result.Installable = t
		}
	}
	result.Needed = result.Installed.Not().And(result.Installable)
	return result
}

// missingAsks is what a section that is missing would have said.
var missingAsks = map[Section]string{SectionInstalled: "whether it is installed", SectionInstallable: "whether it can be installed"}

// missingWords say what a missing section means.
func missingWords(r *Rules) string {
	if r.Empty() {
		return "the update has no rules: what it consists of decides"
	}
	return "the update has no rule about it"
}

// Evaluate evaluates one expression.
func (r *Rule) Evaluate(c *Computer) Truth {
	e := &evaluation{computer: c, index: c.looked(), rules: r.rules, memo: map[*Rule]answer{}}
	return e.rule(r).truth
}

// rule evaluates a rule, once outside of loops.
func (e *evaluation) rule(r *Rule) answer {
	if len(e.loop) > 0 {
		return e.once(r)
	}
	a, ok := e.memo[r]
	if !ok {
		a = e.once(r)
		e.memo[r] = a
	}
	return a
}

func (e *evaluation) once(r *Rule) answer {
	if len(r.Problems) > 0 {
		return answer{Unknown, "not understood: " + strings.Join(r.Problems, "; ")}
	}
	switch r.Operator {
	case And:
		t := Yes
		for _, c := range r.Children {
			if t = t.And(e.rule(c).truth); t == No {
				break
			}
		}
		return answer{truth: t}
	case Or:
		t := No
		for _, c := range r.Children {
			if t = t.Or(e.rule(c).truth); t == Yes {
				break
			}
		}
		return answer{truth: t}
	case Not:
		return answer{truth: e.rule(r.Children[0]).truth.Not()}
	}
	t, found := r.Test.evaluate(e)
	return answer{t, found}
}

// operand evaluates what a loop repeats.
func (e *evaluation) operand(loop *Rule) Truth {
	if len(e.loop) > maxLoops {
		return Unknown
	}
	return e.rule(loop.Children[0]).truth
}

// everywhere asks in each world that the computer may be, and answers only when
// all agree.
func (e *evaluation) everywhere(ask func(w *world) (Truth, string)) (Truth, string) {
	t, words := ask(e.index.worlds[0])
	for _, w := range e.index.worlds[1:] {
		if u, _ := ask(w); u != t {
			return Unknown, "whether Windows has 32 or 64 bits is not stated"
		}
	}
	return t, words
}

// sameKind is how many leaves with the same operator and answer are said as one.
const sameKind = 4

// why collects the leaves that decided a rule.
func (e *evaluation) why(r *Rule, s Section, to *[]Reason) {
	a := e.rule(r)
	switch {
	case len(r.Problems) > 0 || r.Operator != And && r.Operator != Or && r.Operator != Not:
		*to = append(*to, Reason{Section: s, Rule: r, Truth: a.truth, Asks: r.Text(), Found: a.found, Count: 1})
		return
	case r.Operator == Not:
		e.why(r.Children[0], s, to)
		return
	}
	decisive := No // one operand of this kind decides
	if r.Operator == Or {
		decisive = Yes
	}
	if a.truth == decisive {
		for _, c := range r.Children {
			if e.rule(c).truth == decisive {
				e.why(c, s, to)
				return
			}
		}
	}
	alike := map[string][]*Rule{} // leaves of a kind with the same answer
	kind := func(c *Rule) string { return string(c.Operator) + "\x00" + e.rule(c).found }
	var children []*Rule // an And that is unknown has operands that hold, which decide nothing
	for _, c := range r.Children {
		if e.rule(c).truth != a.truth {
			continue
		}
		children = append(children, c)
		if c.Leaf() {
			alike[kind(c)] = append(alike[kind(c)], c)
		}
	}
	for _, c := range children {
		same := alike[kind(c)]
		switch {
		case !c.Leaf() || len(same) < sameKind:
			e.why(c, s, to)
		case c == same[0]:
			first := len(*to)
			e.why(c, s, to)
			(*to)[first].Asks = (&Rule{Operator: r.Operator, Children: same}).Text()
			(*to)[first].Count = len(same)
		}
	}
}

// Clause is one clause of an update's prerequisites: any one of its updates must
// be installed.
type Clause []string

// EvaluateWith is Evaluate for an update with prerequisites: it is installable
// only where every clause has an update that is installed, which the caller
// knows how to find out. A client evaluates no update whose prerequisites are
// not there, so such an update is not installed either.
func (r *Rules) EvaluateWith(c *Computer, prerequisites []Clause, installed func(id string) Truth) Result {
	result := r.Evaluate(c)
	met := Yes
	var missing []Reason
	for _, clause := range prerequisites {
		one := No
		for _, id := range clause {
			one = one.Or(installed(id))
		}
		if one != Yes {
			missing = append(missing, Reason{
				Section: SectionInstallable, Truth: one, Count: 1,
				Asks:  "prerequisite " + enumerate(clause, "or"),
				Found: choose(one == No, "it is not installed", notStated),
			})
		}
		met = met.And(one)
	}
	result.Installed = result.Installed.And(met)
	result.Installable = result.Installable.And(met)
	result.Needed = result.Installed.Not().And(result.Installable)
	result.Why = append(result.Why, missing...)
	return result
}
