package report

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fettle/model"
	"fettle/store"
)

// Subject is what a report's query is on.
type Subject uint8

// The subjects.
const (
	OnUpdates Subject = iota
	OnComputers
)

// String gives the noun.
func (s Subject) String() string { return [...]string{"updates", "computers"}[min(s, 1)] }

// Definition describes a report that can be made.
type Definition struct {
	Name    string
	Title   string
	Answers string
	Query   Subject // what its query is on
	Groups  bool    // a group narrows it
	Bases   bool    // it can be made over approved updates only
	build   func(*builder) error
	main    string
}

// Definitions lists the reports in the order in which they are shown.
func Definitions() []Definition {
	return []Definition{
		{"update-status-summary", "Update status summary", "How far is each update, and how many are needed, failed or not approved?", OnUpdates, true, true, (*builder).updateSummary, "updates"},
		{"update-tabular-status", "Update tabular status", "Every update in one row, with its counts, approval and identity.", OnUpdates, true, true, (*builder).updateTable, "updates"},
		{"update-detailed-status", "Update detailed status", "Which computers need each update, where did it fail, and which approval holds there?", OnUpdates, true, true, (*builder).updateDetails, "computers"},
		{"computer-status-summary", "Computer status summary", "How many computers are up to date, which are not, and of which is it not known?", OnComputers, true, true, (*builder).computerSummary, "computers"},
		{"computer-tabular-status", "Computer tabular status", "Every computer in one row, with its counts, agent and policy.", OnComputers, true, true, (*builder).computerTable, "computers"},
		{"computer-detailed-status", "Computer detailed status", "Which updates and packages does each computer need, and why are others not installed?", OnComputers, true, true, (*builder).computerDetails, "updates"},
		{"deployment-progress", "Deployment progress", "How far is each deployment, and what holds it up?", OnUpdates, true, false, (*builder).deploymentProgress, "deployments"},
		{"synchronization-results", "Synchronization results", "When was the catalogue brought into step with its upstreams, what changed, and what could not be imported?", OnUpdates, false, false, (*builder).synchronizationResults, "runs"},
		{"compliance", "Compliance", "How many computers of each group are up to date, and what is missing by classification, severity, product and age?", OnComputers, true, true, (*builder).compliance, "groups"},
		{"problems", "Problems", "What does not work: failures, silent computers, missed deadlines, and what to do about each?", OnComputers, true, false, (*builder).problems, "problems"},
		{"restarts-pending", "Restarts pending", "Which computers wait for a restart, why, and when will they restart?", OnComputers, true, false, (*builder).restartsPending, "computers"},
		{"approvals", "Approvals", "What is approved for which group, by whom, until when, and what is declined?", OnUpdates, true, false, (*builder).approvals, "approvals"},
	}
}

// Find gives the definition of a name; the error suggests the nearest.
func Find(name string) (Definition, error) {
	nearest, best := "", 1<<30
	for _, d := range Definitions() {
		if d.Name == name {
			return d, nil
		}
		if n := distance(name, d.Name); n < best {
			nearest, best = d.Name, n
		}
	}
	e := &ParameterError{Problem: fmt.Sprintf("there is no report %q", model.Clean(name)), Remedy: "The reports are listed by: fettle reports"}
	if best <= max(3, len(nearest)/2) {
		e.Remedy = "Did you mean " + nearest + "? " + e.Remedy
	}
	return Definition{}, e
}

// distance is the number of letters to change, add or drop.
func distance(a, b string) int {
	if len(a) > 100 {
		return 1 << 20
	}
	prev := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(prev[j]+cost, prev[j+1]+1, row[j]+1)
		}
		prev = row
	}
	return prev[len(b)]
}

// Build makes a report from a snapshot; nil means the newest, once the
// catalogue is in memory. Details that a snapshot does not hold are read from
// the store. A *ParameterError, or a *query.Error, says that it was asked for
// in a wrong way.
func Build(ctx context.Context, name string, st *store.Store, snap *store.Snapshot, p Parameters) (*Report, error) {
	def, err := Find(name)
	if err != nil {
		return nil, err
	}
	if snap == nil {
		if err := st.WaitLoaded(ctx); err != nil {
			return nil, fmt.Errorf("reading the catalogue: %w", err)
		}
		snap = st.Snapshot()
	}
	if !snap.Loaded() {
		return nil, errors.New("the catalogue is still being read; try again in a moment")
	}
	if p.Now.IsZero() {
		p.Now = st.Now()
	}
	if p.Zone == nil {
		p.Zone = time.UTC
	}
	b := &builder{ctx: ctx, st: st, snap: snap, p: p, def: def}
	if err := b.scope(); err != nil {
		return nil, err
	}
	entry, hash := snap.Journal()
	b.report = &Report{
		Name: def.Name, Title: def.Title, Answers: def.Answers, Principal: def.main,
		Made: p.Now.In(p.Zone).Truncate(time.Second), Journal: Head{Entry: entry, Hash: hash},
	}
	if err := def.build(b); err != nil {
		return nil, fmt.Errorf("making the report %s: %w", def.Name, err)
	}
	if err := b.describeScope(); err != nil {
		return nil, err
	}
	return b.report, nil
}
