package inspection

import (
	"fmt"
	"slices"
	"strings"

	"fettle/model"
	"fettle/store"
	"fettle/sync/metadata"
	"fettle/sync/metadata/applicability"
)

// Verdict says what an update means for a described computer.
type Verdict struct {
	Installed applicability.Truth
	Needed    applicability.Truth // it would be offered for installation
	Parts     []PartVerdict       // itself where it has rules, and its members
	Missing   []Clause            // prerequisites that are not known to be met, with what was found
	Remarks   []string            // what could not be looked at
}

// PartVerdict is what the rules of an update or of one member of it say.
type PartVerdict struct {
	Named
	Result applicability.Result
}

// deepest bounds how far members and prerequisites are followed: real
// catalogues have chains of four or five.
const deepest = 32

// Applies says whether an update would be installed on a computer, as a Windows
// Update Agent decides it (update-metadata 2, 4): where its prerequisites are
// installed, an update with rules of its own is needed when they say that it is
// not installed and installable; a bundle is needed when one of its members is
// and each clause of it has a member that is installed or can be, and installed
// when none is needed and a member of each clause is installed.
func Applies(s *store.Store, id model.UpdateID, c *applicability.Computer) (*Verdict, error) {
	r := newReader(s)
	e := &evaluation{reader: r, computer: c, installed: map[model.UpdateID]applicability.Truth{}, verdict: &Verdict{}}
	id = model.UpdateID(strings.ToLower(string(id)))
	ref, _, err := r.find(id, 0)
	if err != nil {
		return nil, err
	}
	_, u, err := r.parse(ref)
	if err != nil {
		return nil, err
	}
	result := e.evaluate(u, 0, true)
	e.verdict.Installed, e.verdict.Needed = result.Installed, result.Needed
	slices.Sort(e.verdict.Remarks)
	e.verdict.Remarks = slices.Compact(e.verdict.Remarks)
	return e.verdict, nil
}

// evaluation evaluates one update with what it refers to.
type evaluation struct {
	reader    *reader
	computer  *applicability.Computer
	installed map[model.UpdateID]applicability.Truth // prerequisites, as far as they were evaluated
	verdict   *Verdict
}

func (e *evaluation) remark(format string, a ...any) {
	e.verdict.Remarks = append(e.verdict.Remarks, fmt.Sprintf(format, a...))
}

// evaluate evaluates an update; top says that it is the one that was asked about
// or a member of it, so that the reasons are kept.
func (e *evaluation) evaluate(u *metadata.Update, depth int, top bool) applicability.Result {
	unknown := applicability.Result{Installed: applicability.Unknown, Superseded: applicability.No, Installable: applicability.Unknown, Needed: applicability.Unknown}
	if depth > deepest {
		e.remark("%s refers to others in more than %d steps", u.ID, deepest)
		return unknown
	}
	met := e.prerequisites(u, depth, top)
	var result applicability.Result
	switch {
	case len(u.Bundles) > 0:
		result = e.bundle(u, depth, top)
	case u.RulesSize > 0 && u.Rules == nil:
		e.remark("the rules of %s are %d bytes long and were not read", u.ID, u.RulesSize)
		result = unknown
	default:
		rules, err := applicability.Parse(u.Rules)
		if err != nil {
			e.remark("the rules of %s cannot be read: %s", u.ID, model.Clean(err.Error()))
			result = unknown
			break
		}
		if rules.Empty() && (u.Type == metadata.Category || u.Type == metadata.Detectoid) {
			// A category without rules is there for everybody.
			result = applicability.Result{Installed: applicability.Yes, Superseded: applicability.No, Installable: applicability.No, Needed: applicability.No}
			break
		}
		result = rules.Evaluate(e.computer)
		if top {
			e.verdict.Parts = append(e.verdict.Parts, PartVerdict{e.reader.name(u.ID, u.Revision), result})
		}
	}
	// A client does not look at what lacks its prerequisites.
	result.Installed = result.Installed.And(met)
	result.Installable = result.Installable.And(met)
	result.Needed = result.Needed.And(met)
	return result
}

// bundle evaluates the members.
func (e *evaluation) bundle(u *metadata.Update, depth int, top bool) applicability.Result {
	installed, possible, wanted := applicability.Yes, applicability.Yes, applicability.No
	for _, clause := range u.Bundles {
		// Of "any of" one is enough; "all of" means those that concern the
		// computer, of which there must be one.
		there, can := applicability.No, applicability.No
		for _, m := range clause.Members {
			r := applicability.Result{Installed: applicability.Unknown, Needed: applicability.Unknown, Installable: applicability.Unknown}
			if part := e.reader.update(m.ID, m.Revision); part != nil {
				r = e.evaluate(part, depth+1, top)
			} else {
				e.remark("the document of its member %s, revision %d, is not kept", m.ID, m.Revision)
			}
			can = can.Or(r.Installed.Or(r.Needed))
			there = there.Or(r.Installed)
			wanted = wanted.Or(r.Needed)
		}
		installed, possible = installed.And(there), possible.And(can)
	}
	needed := wanted.And(possible)
	return applicability.Result{Installed: installed.And(needed.Not()), Superseded: applicability.No, Installable: possible, Needed: needed}
}

// prerequisites says whether every clause has something that is installed.
func (e *evaluation) prerequisites(u *metadata.Update, depth int, top bool) applicability.Truth {
	met := applicability.Yes
	for _, clause := range u.Prerequisites {
		there := applicability.No
		for _, id := range clause.IDs {
			there = there.Or(e.present(id, depth+1))
			if there == applicability.Yes {
				break
			}
		}
		if there != applicability.Yes && top {
			missing := Clause{Category: clause.IsCategory, More: max(0, len(clause.IDs)-mostNamed)}
			for _, id := range clause.IDs[:len(clause.IDs)-missing.More] {
				missing.Any = append(missing.Any, e.reader.name(id, 0))
			}
			e.verdict.Missing = append(e.verdict.Missing, missing)
		}
		met = met.And(there)
	}
	return met
}

// present says whether a prerequisite is installed.
func (e *evaluation) present(id model.UpdateID, depth int) applicability.Truth {
	if t, ok := e.installed[id]; ok {
		return t
	}
	e.installed[id] = applicability.Unknown // of a circle, which no real catalogue has
	u := e.reader.update(id, 0)
	t := applicability.Unknown
	if u == nil {
		e.remark("the document of the prerequisite %s is not kept", id)
	} else {
		t = e.evaluate(u, depth, false).Installed
	}
	e.installed[id] = t
	return t
}
