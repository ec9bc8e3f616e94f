package applicability

import (
	"strconv"
	"strings"

	"fettle/model"
)

// Text says on one line what the rule asks. Long enumerations of products and
// packages are counted; FullText spells them out.
func (r *Rule) Text() string { return r.words(false).inline(false) }

// FullText is Text with nothing counted.
func (r *Rule) FullText() string { return r.words(true).inline(false) }

// phraseKind is how the parts of a phrase hang together.
type phraseKind uint8

const (
	single phraseKind = iota
	allOf
	anyOf
	noneOf
	notAllOf
	headed // one part, under a heading
)

// phrase is what a rule says, with what is only grammar taken out: double
// negations, operators with one operand, And within And.
type phrase struct {
	kind  phraseKind
	text  string // of single, and the heading of headed
	list  bool   // text is an enumeration itself
	parts []*phrase
}

// words makes a rule's phrase.
func (r *Rule) words(full bool) *phrase {
	if r == nil {
		return &phrase{text: "nothing"}
	}
	return r.say(false, full)
}

func (r *Rule) say(not, full bool) *phrase {
	if len(r.Problems) > 0 {
		p := &phrase{text: choose(not, "not ", "") + "(not understood) " + r.written()}
		for _, c := range r.Children {
			p.kind = headed
			p.parts = append(p.parts, c.say(false, full))
		}
		return p
	}
	switch r.Operator {
	case Not:
		return r.Children[0].say(!not, full)
	case And, Or:
		return r.sayAll(not, full)
	case RegKeyLoop:
		head := r.Test.(*RegistryLoopTest).head(not)
		return &phrase{kind: headed, text: head, parts: []*phrase{r.Children[0].say(false, full)}}
	}
	if t, ok := r.Test.(*PartsTest); ok && full {
		return &phrase{text: t.say(not, true)}
	}
	return &phrase{text: r.Test.phrase(not)}
}

// kinds by operator and negation.
func groupKind(o Operator, not bool) phraseKind {
	switch {
	case o == And && !not:
		return allOf
	case o == And:
		return notAllOf
	case !not:
		return anyOf
	}
	return noneOf
}

// sayAll makes the phrase of an And or an Or.
func (r *Rule) sayAll(not, full bool) *phrase {
	items := r.flat(nil)
	if len(items) == 1 {
		return items[0].say(not, full)
	}
	p := &phrase{kind: groupKind(r.Operator, not)}
	gathered := make([]enumeration, len(items))
	counts := map[string]int{}
	for i, item := range items {
		gathered[i] = item.enumerated(r.Operator, full)
		counts[gathered[i].key]++
	}
	seen := map[string]*enumeration{}
	for i, item := range items {
		e := &gathered[i]
		switch have := seen[e.key]; {
		case e.key == "", e.noun != "" && counts[e.key] < sameKind:
			p.parts = append(p.parts, item.say(false, full))
		case have == nil:
			e.part = item.say(false, full)
			seen[e.key] = e
			p.parts = append(p.parts, e.part)
		default:
			have.values = append(have.values, e.values...)
			have.count++
		}
	}
	for _, e := range seen {
		e.finish(r.Operator)
	}
	if len(p.parts) == 1 { // everything was one enumeration
		only := *p.parts[0]
		if not {
			only.text, only.list = negated(only.text), false
		}
		return &only
	}
	return p
}

// flat lists the operands of an And or an Or, with those of operands of the same
// kind in their place.
func (r *Rule) flat(to []*Rule) []*Rule {
	for _, c := range r.Children {
		c = c.bare()
		if c.Operator == r.Operator && len(c.Problems) == 0 {
			to = c.flat(to)
		} else {
			to = append(to, c)
		}
	}
	return to
}

// bare is the rule without double negations and operators with one operand.
func (r *Rule) bare() *Rule {
	for len(r.Problems) == 0 {
		switch {
		case (r.Operator == And || r.Operator == Or) && len(r.Children) == 1:
			r = r.Children[0]
			continue
		case r.Operator == Not:
			if c := r.Children[0].bare(); c.Operator == Not && len(c.Problems) == 0 {
				r = c.Children[0]
				continue
			}
		}
		break
	}
	return r
}

// enumeration is several leaves that differ in one value, and are said together.
type enumeration struct {
	key     string // leaves with the same one are said together; "" = alone
	subject string // what comes before the values
	end     string // and after
	values  []string
	noun    string // counted rather than spelled out: MSI products
	filter  string // of their versions and languages
	count   int
	part    *phrase // the phrase of the first, where all are said
}

// enumerated says with which other leaves a rule can be said together. Values of
// the same thing can where one of them is enough; names of products and packages
// are counted unless everything is to be spelled out.
func (r *Rule) enumerated(o Operator, full bool) enumeration {
	if len(r.Problems) > 0 {
		return enumeration{}
	}
	e := enumeration{count: 1}
	switch t := r.Test.(type) {
	case *ProductTest:
		if full {
			return enumeration{}
		}
		e.noun = "MSI products"
		if f := t.filter(); f != "" {
			e.filter = " (" + f[1:] + ")"
		}
		if t.Patch != "" {
			e.noun = "MSI patches"
		}
	case *PackageTest:
		if full || t.Identity == "" {
			return enumeration{}
		}
		e.noun = "CBS packages"
	case *RegistryTextTest:
		e.subject, e.end, e.values = t.String()+" "+t.Comparison.sign()+" ", t.view(), []string{quoted(t.Data)}
	case *RegistryNumberTest:
		e.subject, e.end, e.values = t.String()+" = ", t.view(), []string{strconv.FormatUint(t.Data, 10)}
		if t.Comparison != EqualTo {
			return enumeration{}
		}
	case *WindowsTest:
		if e.subject, e.end, e.values = t.enumerated(); e.values == nil {
			return enumeration{}
		}
	case *ProcessorTest:
		e.values = []string{t.phrase(false)}
	case *LanguageTest:
		e.subject, e.values = "Windows language is ", []string{model.Clean(t.Language)}
		if t.Multilingual {
			return enumeration{}
		}
	default:
		return enumeration{}
	}
	if e.noun == "" && o != Or {
		return enumeration{}
	}
	e.key = string(r.Operator) + "\x00" + e.subject + "\x00" + e.end + "\x00" + e.noun + e.filter
	return e
}

// finish writes the text of leaves that were gathered.
func (e *enumeration) finish(o Operator) {
	switch {
	case e.count == 1:
	case e.noun == "":
		e.part.text, e.part.list = e.subject+enumerate(e.values, "or")+e.end, !strings.HasSuffix(e.end, ")")
	case o == Or:
		e.part.text = "any of " + model.Number(e.count) + " " + e.noun + e.filter + " is installed"
	default:
		e.part.text = "all of " + model.Number(e.count) + " " + e.noun + e.filter + " are installed"
	}
}

// negated turns the text of an enumeration round.
func negated(s string) string {
	if rest, ok := strings.CutPrefix(s, "any of "); ok {
		return "none of " + rest
	}
	if rest, ok := strings.CutPrefix(s, "all of "); ok {
		return "not all of " + rest
	}
	return "not (" + s + ")"
}

// inline writes a phrase on one line; within others lists stand in parentheses.
func (p *phrase) inline(within bool) string {
	parts := make([]string, len(p.parts))
	for i, q := range p.parts {
		parts[i] = q.inline(true)
	}
	switch p.kind {
	case allOf:
		return enclose(enumerate(parts, "and"), within)
	case anyOf:
		return enclose(enumerate(parts, "or"), within)
	case noneOf:
		return "none of (" + enumerate(parts, "or") + ")"
	case notAllOf:
		return "not all of (" + enumerate(parts, "and") + ")"
	case headed:
		return enclose(p.text+": "+enumerate(parts, "and"), within)
	}
	return enclose(p.text, within && p.list)
}

func enclose(s string, yes bool) string { return choose(yes, "("+s+")", s) }
