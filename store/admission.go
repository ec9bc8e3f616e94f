package store

import (
	"errors"
	"fmt"

	"fettle/model"
)

// mostAdmissions is how many computers one change answers: their records are
// written in one transaction.
const mostAdmissions = 1000

// admissions says what each kind of change makes of a computer.
var admissions = map[model.ChangeKind]model.Admission{
	model.ChangeAdmit: model.Managed, model.ChangeTurnAway: model.Rejected, model.ChangeKeepWaiting: model.Waiting,
}

// answers are the kinds of changes that lead to an admission.
var answers = [...]model.ChangeKind{model.Managed: model.ChangeAdmit, model.Waiting: model.ChangeKeepWaiting, model.Rejected: model.ChangeTurnAway}

// checkAdmission refuses to answer nobody, too many at once, or the computer
// that the store is on: who is at its console manages it.
func (s *Snapshot) checkAdmission(c model.Change) error {
	what := "The computers were not accepted"
	if c.Kind == model.ChangeTurnAway {
		what = "The computers were not rejected"
	}
	changes := 0
	for _, n := range c.Computers {
		comp := s.Computer(n)
		if comp.Admission != admissions[c.Kind] {
			changes++
		}
		if comp.Local && c.Kind != model.ChangeAdmit {
			return &model.Refusal{Code: "local", What: what, Why: model.Clean(comp.Name) + " is the computer that Fettle runs on here; it asked nobody"}
		}
	}
	switch {
	case len(c.Computers) > mostAdmissions:
		return &model.Refusal{Code: "too-many", What: what, Why: fmt.Sprintf("%d were named, and one change answers %d at most", len(c.Computers), mostAdmissions), Remedy: "answer them in parts"}
	case changes == 0 && c.Kind == model.ChangeAdmit:
		return &model.Refusal{Code: "nothing", What: "Nothing was changed", Why: "they are managed already"}
	case changes == 0 && c.Kind == model.ChangeTurnAway:
		return &model.Refusal{Code: "nothing", What: "Nothing was changed", Why: "they were rejected already"}
	case changes == 0:
		return &model.Refusal{Code: "nothing", What: "Nothing was changed", Why: "they wait for an answer already"}
	}
	return nil
}

// admit answers computers that asked to be managed. The inverse gives each back
// what it was.
func (d *draft) admit(c *model.Change) (*model.Change, error) {
	was := map[model.Admission][]uint32{}
	for _, n := range c.Computers {
		before := d.computers.at(n)
		if before == nil || before.computer.Admission == admissions[c.Kind] {
			continue
		}
		was[before.computer.Admission] = append(was[before.computer.Admission], n)
		after, comp := *before, *before.computer
		comp.Admission = admissions[c.Kind]
		after.computer = &comp
		d.setComputer(before, &after)
		if err := d.put(keyComputer(n), comp); err != nil {
			return nil, err
		}
	}
	var steps []model.Change
	for a, kind := range answers {
		if list := was[model.Admission(a)]; len(list) > 0 {
			steps = append(steps, model.Change{Kind: kind, Computers: list})
		}
	}
	if len(steps) == 0 {
		return nil, errors.New("no computer was answered")
	}
	inverse := steps[0]
	inverse.Also = steps[1:]
	return &inverse, d.recomputeGroups()
}

// planAdmission says what answering computers means.
func (s *Snapshot) planAdmission(p *model.Plan, c model.Change) {
	known, held := 0, 0
	for _, n := range c.Computers {
		if comp := s.Computer(n); comp != nil && !comp.Reported.IsZero() {
			known++
		}
		if comp := s.Computer(n); comp != nil && comp.Admission == model.Managed {
			held++
		}
	}
	switch c.Kind {
	case model.ChangeAdmit:
		p.Lines = append(p.Lines, "They are managed from now on: they belong to All Computers and to the groups whose formulas match them, and obey what is approved there from their next check-in.")
		if fresh := len(c.Computers) - known; fresh > 0 {
			p.Lines = append(p.Lines, fmt.Sprintf("%s reported nothing yet, so that it is not known what %s.", model.Counted(fresh, "of them has", "of them have"), map[bool]string{true: "it needs", false: "they need"}[fresh == 1]))
		}
	case model.ChangeTurnAway:
		p.Lines = append(p.Lines, "Their reports are refused, nothing is installed on them from here, and they take no part in counts. Accepting them later is possible.")
		if held > 0 {
			p.Warnings = append(p.Warnings, model.PlanWarning{Code: "managed", Text: model.Counted(held, "of them is managed now and gets no updates any more", "of them are managed now and get no updates any more")})
		}
	default:
		p.Lines = append(p.Lines, "They wait for an answer again.")
	}
}
