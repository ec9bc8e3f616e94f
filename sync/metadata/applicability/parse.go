package applicability

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"fettle/model"
	"fettle/sync/metadata/markup"
)

// Bounds of what is read. The deepest real rules have 12 levels and the largest
// some 6,000 operators (a detectoid of Office).
const (
	maxDepth    = 100
	maxRules    = 300_000
	maxMetadata = 20_000 // packages, patches, targets, drivers
	maxText     = 64 << 10
)

// Parse reads applicability rules: an ApplicabilityRules element in the
// namespaced form of documents or in the folded form of fragments, a whole core
// fragment, or a whole document. Of an update without rules it returns empty
// ones.
func Parse(rules []byte) (*Rules, error) { return Read(bytes.NewReader(rules)) }

// Read is Parse for what is streamed. It reads no further than the end of the
// rules.
func Read(r io.Reader) (*Rules, error) {
	p := &parser{s: markup.NewScanner(r, markup.Limits{Fragment: true}), rules: &Rules{}, names: map[string]string{}}
	if err := p.document(); err != nil {
		return nil, fmt.Errorf("reading applicability rules: %w", err)
	}
	return p.rules, nil
}

// parser reads one set of rules.
type parser struct {
	s     *markup.Scanner
	rules *Rules
	names map[string]string // attribute and element names, each kept once
	count int
	extra int // of metadata
	seen  map[string]bool
}

var errNothing = errors.New("there is no element in it")

func (p *parser) document() error {
	some := false
	for {
		kind, err := p.s.Next()
		switch {
		case err == io.EOF && some:
			return nil
		case err == io.EOF:
			return errNothing
		case err != nil:
			return err
		case kind != markup.Start:
			continue
		}
		some = true
		switch string(p.s.Local()) {
		case "UpdateIdentity":
			if a := p.s.Attribute("UpdateID"); a != nil && p.rules.ID == "" {
				p.rules.ID = strings.ToLower(a.Value())
			}
		case "ApplicabilityRules":
			return p.applicability()
		}
	}
}

// applicability reads the ApplicabilityRules element.
func (p *parser) applicability() error {
	return p.children(func() error {
		switch name := string(p.s.Local()); Section(name) {
		case SectionInstalled:
			return p.section(SectionInstalled, &p.rules.Installed)
		case SectionSuperseded:
			return p.section(SectionSuperseded, &p.rules.Superseded)
		case SectionInstallable:
			return p.section(SectionInstallable, &p.rules.Installable)
		case "Metadata":
			return p.metadata()
		default:
			p.note("element " + name)
			return p.s.Skip()
		}
	}, nil)
}

// section reads an expression. Several are meant as all of them, as examples of
// the WSUS kit have it.
func (p *parser) section(name Section, to **Rule) error {
	group := &Rule{Operator: And, Name: string(And), rules: p.rules}
	err := p.children(func() error {
		r, err := p.rule(1)
		group.Children = append(group.Children, r)
		return err
	}, nil)
	if err != nil {
		return err
	}
	if *to != nil {
		p.note("a second " + string(name))
		return nil
	}
	switch len(group.Children) {
	case 0:
		group.Operator, group.Name = Operator(name), string(name)
		p.flag(group, string(name)+" without an expression")
		*to = group
	case 1:
		*to = group.Children[0]
	default:
		*to = group
	}
	return nil
}

// children calls visit at the start of every child element of the current one,
// which reads to that child's end, and text for what stands between.
func (p *parser) children(visit func() error, text func([]byte)) error {
	for {
		kind, err := p.s.Next()
		if err != nil {
			return unexpected(err)
		}
		switch kind {
		case markup.Start:
			if err := visit(); err != nil {
				return err
			}
		case markup.Text, markup.CData:
			if text != nil {
				text(p.s.Text())
			}
		case markup.End:
			return nil
		}
	}
}

// unexpected says that an end of input came too early.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// rule reads the rule whose start was read last.
func (p *parser) rule(depth int) (*Rule, error) {
	if p.count++; p.count > maxRules {
		return nil, fmt.Errorf("there are more than %s rules", model.Number(maxRules))
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("rules are nested more than %d levels deep", maxDepth)
	}
	r := &Rule{Name: p.keep(p.s.Name()), rules: p.rules}
	name, ok := known(p.s.Space(), p.keep(p.s.Local()))
	r.Operator = name
	o := operators[name]
	if !ok {
		o = operator{}
		p.flag(r, "operator "+model.Clean(r.Name))
	}
	p.attributes(r)
	if ok && !slices.Contains([]Operator{And, Or, Not, RegKeyLoop}, name) && p.s.Empty() && o.values == nil {
		if _, err := p.s.Next(); err != nil { // nearly every rule: <X ... />
			return nil, err
		}
	} else if err := p.operands(r, o, ok, depth); err != nil {
		return nil, err
	}
	a := &attributes{rule: r}
	switch {
	case !ok:
		return r, nil
	case o.read != nil:
		r.Test = o.read(a)
	case name == Not && len(r.Children) != 1:
		a.problem("Not with %d operands", len(r.Children))
	case len(r.Children) == 0:
		a.problem("%s without operands", name)
	}
	if name == RegKeyLoop && len(r.Children) != 1 {
		a.problem("RegKeyLoop with %d operands", len(r.Children))
	}
	a.done()
	for _, s := range r.Problems {
		p.note(s)
	}
	return r, nil
}

func (p *parser) attributes(r *Rule) {
	all := p.s.Attributes()
	if len(all) == 0 {
		return
	}
	r.Attributes = make([]Attribute, 0, len(all))
	for i := range all {
		if !all[i].Declaration() {
			r.Attributes = append(r.Attributes, Attribute{p.keep(all[i].Name()), all[i].Value()})
		}
	}
}

// operands reads what stands within a rule: operands, elements that hold text,
// and what is not expected there, which is kept.
func (p *parser) operands(r *Rule, o operator, ok bool, depth int) error {
	composite := !ok || r.Operator == And || r.Operator == Or || r.Operator == Not || r.Operator == RegKeyLoop
	return p.children(func() error {
		name := p.keep(unfold(p.s.Local()))
		if composite {
			c, err := p.rule(depth + 1)
			r.Children = append(r.Children, c)
			return err
		}
		if !slices.Contains(o.values, name) {
			p.flag(r, "element "+model.Clean(name)+" in "+string(r.Operator))
		}
		if p.count++; p.count > maxRules {
			return fmt.Errorf("there are more than %s rules", model.Number(maxRules))
		}
		text, err := p.text()
		r.Values = append(r.Values, Value{name, text})
		return err
	}, func(text []byte) {
		if text = bytes.TrimSpace(text); len(text) > 0 && len(r.Values) < maxText {
			if ok {
				p.flag(r, "text in "+string(r.Operator))
			}
			r.Values = append(r.Values, Value{"", string(text)})
		}
	})
}

// text reads an element that holds nothing else.
func (p *parser) text() (string, error) {
	var b []byte
	err := p.children(p.s.Skip, func(text []byte) {
		if len(b) < maxText {
			b = append(b, text[:min(len(text), maxText-len(b))]...)
		}
	})
	return string(bytes.TrimSpace(b)), err
}

// flag records that a rule cannot be relied on.
func (p *parser) flag(r *Rule, problem string) {
	r.Problems = append(r.Problems, problem)
	p.note(problem)
}

// note adds to what is not known, each once.
func (p *parser) note(s string) {
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	if !p.seen[s] {
		p.seen[s] = true
		p.rules.unknown = append(p.rules.unknown, model.Clean(s))
	}
}

// keep makes a string of a name, the same one for the same name.
func (p *parser) keep(name []byte) string {
	if s, ok := p.names[string(name)]; ok {
		return s
	}
	s := string(name)
	p.names[s] = s
	return s
}

// unfold takes the letter of its namespace off a folded name.
func unfold(local []byte) []byte {
	if len(local) > 2 && local[1] == '.' {
		return local[2:]
	}
	return local
}
