package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fettle/model"
)

// Check says whether a change would be refused, and why, without making it.
// The setup gate, roles and read-only sessions are such refusals.
func (s *Store) Check(c model.Change, by model.Actor) error {
	if s.options.ReadOnly {
		return &model.Refusal{Code: "read-only", What: "The change was refused", Why: "this is a read-only session", Remedy: "start without --read-only"}
	}
	return s.Snapshot().check(c, by)
}

// Make makes a change: checks it, writes it with its journal entry in one
// transaction, and gives the entry. A *model.Refusal tells why it was not made.
// A *model.AwaitingConsent tells that it was kept as a proposal instead,
// because it needs a second person.
func (s *Store) Make(ctx context.Context, c model.Change, by model.Actor) (model.Entry, error) {
	return s.change(ctx, c, by, nil)
}

// Undo takes back an entry of the journal, as a change of its own; entry 0
// means the newest that can be taken back and was not.
func (s *Store) Undo(ctx context.Context, entry uint64, by model.Actor, remark string) (model.Entry, error) {
	for {
		head, _ := s.Snapshot().Journal()
		e, err := s.Undoable(entry)
		if err != nil {
			return model.Entry{}, err
		}
		inverse := *e.Inverse
		inverse.Remark = remark
		made, err := s.change(ctx, inverse, by, &undoing{Entry: e, head: head})
		if !errors.Is(err, errMoved) {
			return made, err
		}
	}
}

// undoing is an entry that is being taken back, and the head of the journal when
// it was chosen.
type undoing struct {
	*model.Entry
	head uint64
}

// errMoved says that the journal grew since an entry was chosen to be taken
// back: somebody else may have taken it back.
var errMoved = errors.New("the journal moved")

// Undoable gives the entry that Undo would take back, or the refusal.
func (s *Store) Undoable(entry uint64) (*model.Entry, error) {
	head, _ := s.Snapshot().Journal()
	undone := map[uint64]bool{}
	for seq := head; seq > 0; seq-- {
		e, err := s.Entry(seq)
		if err != nil {
			return nil, err
		}
		if e.Undoes != 0 {
			if !undone[seq] {
				undone[e.Undoes] = true
			}
			if entry == 0 {
				continue // undo walks back; an undo is taken back by naming it
			}
		}
		if entry != 0 && seq != entry {
			continue
		}
		switch {
		case undone[seq] && entry != 0:
			return nil, &model.Refusal{Code: "undone", What: fmt.Sprintf("Entry %d was taken back already", seq)}
		case e.Inverse == nil && entry != 0:
			return nil, &model.Refusal{Code: "no-inverse", What: fmt.Sprintf("Entry %d (%s) cannot be taken back", seq, e.Summary)}
		case undone[seq] || e.Inverse == nil:
			continue
		}
		return e, nil
	}
	if entry != 0 {
		return nil, &model.Refusal{Code: "no-entry", What: fmt.Sprintf("There is no journal entry %d", entry), Remedy: "fettle journal"}
	}
	return nil, &model.Refusal{Code: "nothing-to-undo", What: "There is nothing to take back", Remedy: "fettle journal"}
}

// change makes a change, or keeps it as a proposal. undone is the entry that it
// takes back, if it takes one back.
func (s *Store) change(ctx context.Context, c model.Change, by model.Actor, undone *undoing) (model.Entry, error) {
	var entry model.Entry
	var waits *model.AwaitingConsent
	err := s.do(ctx, func(d *draft) error {
		waits = nil
		var taken *model.Entry
		undoes := uint64(0)
		if undone != nil {
			if d.journal.Seq != undone.head {
				return errMoved
			}
			taken, undoes = undone.Entry, undone.Seq
		}
		if err := d.check(c, by); err != nil {
			return err
		}
		var err error
		if why := d.needsConsent(&c, taken, by); why != "" {
			// What would be refused is not worth a second person's time.
			trial, tried := d.fork(), clone(c)
			if undone == nil {
				trial.widen(&tried)
			}
			if _, _, err := trial.perform(&tried, by); err != nil {
				return err
			}
			p, err := d.propose(c, by, undoes, why)
			waits = &model.AwaitingConsent{Proposal: p}
			return err
		}
		entry, err = d.make(c, by, undoes, nil)
		return err
	})
	if err == nil && waits != nil {
		return model.Entry{}, waits
	}
	if err == nil {
		s.sweepAfter(ctx, &entry)
	}
	return entry, err
}

// sweepAfter shrinks the records of what a change removed. The removal is in
// force already; what fails now is done when the store is opened again.
func (s *Store) sweepAfter(ctx context.Context, e *model.Entry) {
	if !sweeps(&e.Change) {
		return
	}
	if err := s.sweep(ctx); err != nil {
		s.options.Log.Error("the records of what was removed could not be shrunk yet", "error", err)
	}
}

// sweeps says whether a change leaves records to shrink.
func sweeps(c *model.Change) bool {
	if c.Kind == model.ChangeForget || c.Kind == model.ChangeRevisions {
		return true
	}
	return slices.ContainsFunc(c.Also, func(also model.Change) bool { return sweeps(&also) })
}

// make changes the draft and enters that in the journal.
func (d *draft) make(c model.Change, by model.Actor, undoes uint64, consent *model.Actor) (model.Entry, error) {
	e := model.Entry{Actor: by, Kind: c.Kind, Remark: c.Remark, Undoes: undoes, Summary: d.summary(c), Consent: consent}
	if undoes != 0 {
		e.Summary = fmt.Sprintf("Took back entry %d: %s", undoes, e.Summary)
	}
	c = clone(c)
	if undoes == 0 {
		d.widen(&c)
	}
	inverse, result, err := d.perform(&c, by)
	if err != nil {
		return e, err
	}
	e.Change, e.Inverse, e.Result = c, inverse, result
	return d.enter(e)
}

// widen adds to declines what the updates bundle. A decline that takes something
// back is of those updates only that were declined before.
func (s *Snapshot) widen(c *model.Change) {
	if c.Kind == model.ChangeDecline {
		c.Updates = s.withBundled(c.Updates)
	}
	for i := range c.Also {
		s.widen(&c.Also[i])
	}
}

// clone copies what performing a change may complete in place.
func clone(c model.Change) model.Change {
	c.Also = slices.Clone(c.Also)
	for i := range c.Also {
		c.Also[i] = clone(c.Also[i])
	}
	return c
}

// perform changes the draft and writes the records. It gives the inverse, which
// is a change of its own, and the number of what was made. A change with several
// steps is taken back from its last to its first; steps that cannot be taken
// back are left out of the inverse, and a change of which nothing can has none.
func (d *draft) perform(c *model.Change, by model.Actor) (*model.Change, uint64, error) {
	inverse, result, err := d.performOne(c, by)
	if err != nil {
		return nil, 0, err
	}
	for i := range c.Also {
		// Each step is checked against what the steps before it made.
		if err := d.checkOne(&c.Also[i]); err != nil {
			return nil, 0, err
		}
		also, n, err := d.perform(&c.Also[i], by)
		if err != nil {
			return nil, 0, err
		}
		if result == 0 {
			result = n
		}
		switch {
		case inverse == nil:
			inverse = also
		case also != nil:
			also.Also = append(also.Also, *inverse)
			inverse = also
		}
	}
	return inverse, result, nil
}

func (d *draft) performOne(c *model.Change, by model.Actor) (*model.Change, uint64, error) {
	switch c.Kind {
	case model.ChangeApprove:
		return d.approve(c, by)
	case model.ChangeRetract, model.ChangeRestore:
		return d.retract(c)
	case model.ChangeDecline, model.ChangeUndecline:
		return d.decline(c)
	case model.ChangeReinstate:
		return d.reinstate(c, by)
	case model.ChangeComputers:
		before := d.setup
		d.setup.Computers.Done = d.store.now()
		d.setup.Computers.How = append(slices.Clone(before.Computers.How), missing(before.Computers.How, c.How)...)
		return &model.Change{Kind: model.ChangeSetup, Setup: &before}, 0, d.put(keyMeta(metaSetup), d.setup)
	case model.ChangeUpdates:
		return d.setupUpdates(c)
	case model.ChangeSetup:
		return d.restoreSetup(c)
	case model.ChangeUpstream, model.ChangeUpstreamEnd:
		return d.upstream(c)
	case model.ChangeSettings:
		before := d.settings
		d.decideSettings(c.Settings)
		return &model.Change{Kind: model.ChangeSettings, Settings: &before}, 0, errors.Join(d.selectRows(), d.put(keyMeta(metaSettings), d.settings))
	case model.ChangeRemove:
		return nil, 0, d.removeComputers(c)
	case model.ChangeAdmit, model.ChangeTurnAway, model.ChangeKeepWaiting:
		inverse, err := d.admit(c)
		return inverse, 0, err
	case model.ChangeRuleAdd, model.ChangeRuleSet, model.ChangeRuleRemove:
		return d.performRule(c)
	case model.ChangeOptions:
		inverse, err := d.setOptions(c)
		return inverse, 0, err
	case model.ChangeLicence, model.ChangeLicenceEnd:
		inverse, err := d.performLicence(c, by)
		return inverse, 0, err
	case model.ChangeSeen, model.ChangeUnseen:
		inverse, err := d.performSeen(c)
		return inverse, 0, err
	case model.ChangePostpone, model.ChangeResume:
		inverse, err := d.postpone(c, by)
		return inverse, 0, err
	case model.ChangeForget:
		return nil, 0, d.forget(c)
	case model.ChangeRevisions:
		return nil, 0, d.forgetRevisions(c)
	}
	inverse, err := d.performGroup(c)
	return inverse, 0, err
}

// missing gives what b has and a has not.
func missing[T comparable](a, b []T) []T {
	var out []T
	for _, x := range b {
		if !slices.Contains(a, x) {
			out = append(out, x)
		}
	}
	return out
}

func (s *Snapshot) nextDeployment() uint64 {
	if n := len(s.deployments); n > 0 {
		return s.deployments[n-1].ID + 1
	}
	return 1
}

func (s *Snapshot) deploymentIndex(id uint64) int {
	return slices.IndexFunc(s.deployments, func(d *model.Deployment) bool { return d.ID == id })
}

func (d *draft) approve(c *model.Change, by model.Actor) (*model.Change, uint64, error) {
	// The caller's own values stay as they are.
	c.Updates = slices.Clone(c.Updates)
	slices.Sort(c.Updates)
	c.Updates = slices.Compact(c.Updates)
	c.Groups = slices.Clone(c.Groups)
	for i := range c.Groups {
		if d := &c.Groups[i].Deadline; !d.IsZero() {
			*d = d.UTC().Truncate(time.Second)
		}
	}
	dep := &model.Deployment{
		ID: d.nextDeployment(), Name: c.Name, Author: by.Who, Time: d.store.now(), Groups: c.Groups, Updates: c.Updates, Remark: c.Remark, Rule: c.Rule, RuleID: c.RuleID,
	}
	if dep.Name == "" {
		dep.Name = fmt.Sprintf("Deployment %d", dep.ID)
		if len(dep.Updates) == 1 {
			dep.Name = model.Clean(d.Row(dep.Updates[0]).Title)
		}
	}
	d.deployments = append(d.deployments[:len(d.deployments):len(d.deployments)], dep)
	stack(d.layers, dep)
	return &model.Change{Kind: model.ChangeRetract, Deployment: dep.ID}, dep.ID, d.put(keyDeployment(dep.ID), dep)
}

// retract switches a deployment's approvals off or on again.
func (d *draft) retract(c *model.Change) (*model.Change, uint64, error) {
	i := d.deploymentIndex(c.Deployment)
	dep := *d.deployments[i]
	dep.Undone = c.Kind == model.ChangeRetract
	d.deployments = slices.Clone(d.deployments)
	d.deployments[i] = &dep
	d.layers = stackAll(d.deployments)
	inverse := &model.Change{Kind: model.ChangeRestore, Deployment: dep.ID}
	if !dep.Undone {
		inverse.Kind = model.ChangeRetract
	}
	return inverse, dep.ID, d.put(keyDeployment(dep.ID), dep)
}

// decline takes updates out of force or back into it. Approvals stay as they
// are: a decline masks them.
func (d *draft) decline(c *model.Change) (*model.Change, uint64, error) {
	to := c.Kind == model.ChangeDecline
	var changed []uint32
	for _, n := range c.Updates {
		// What cleanup removed stays declined, whatever is taken back.
		if d.declined.Contains(n) != to && (to || !d.removed.Contains(n)) {
			changed = append(changed, n)
		}
	}
	if len(changed) == 0 {
		if !to && slices.ContainsFunc(c.Updates, d.removed.Contains) {
			return nil, 0, &model.Refusal{Code: "removed", What: "Nothing was changed", Why: "the updates were removed by a cleanup; they come back when an upstream offers them again"}
		}
		word := "declined"
		if !to {
			word = "not declined"
		}
		return nil, 0, &model.Refusal{Code: "nothing", What: "Nothing was changed", Why: "the updates are " + word + " already"}
	}
	d.declined = d.declined.Clone()
	if to {
		d.declined.AddMany(changed)
	} else {
		for _, n := range changed {
			d.declined.Remove(n)
		}
	}
	d.flag(changed, model.FlagDeclined, to)
	d.hide()
	inverse := &model.Change{Kind: model.ChangeUndecline, Updates: changed}
	if !to {
		inverse.Kind = model.ChangeDecline
	}
	return inverse, 0, d.put(keyMeta(metaDeclined), d.declined.ToArray())
}

// flag sets or clears a flag of updates.
func (d *draft) flag(numbers []uint32, f model.UpdateFlags, to bool) {
	rows := d.rows.edit()
	for _, n := range numbers {
		e, row := *rows.at(n), *rows.at(n).row
		e.row = &row
		if to {
			row.Flags |= f
		} else {
			row.Flags &^= f
		}
		rows.set(n, &e)
	}
	d.rows = rows.vector
}

// reinstate brings declined updates back as Not Approved: a record over all
// deployments takes their old approvals out of force (semantics 7.6).
func (d *draft) reinstate(c *model.Change, by model.Actor) (*model.Change, uint64, error) {
	inverse, _, err := d.decline(&model.Change{Kind: model.ChangeUndecline, Updates: d.withBundled(c.Updates)})
	if err != nil {
		return nil, 0, err
	}
	dep := &model.Deployment{ID: d.nextDeployment(), Name: "Reinstated", Author: by.Who, Time: d.store.now(), Updates: inverse.Updates, Reverses: 1}
	slices.Sort(dep.Updates)
	d.deployments = append(d.deployments[:len(d.deployments):len(d.deployments)], dep)
	stack(d.layers, dep)
	inverse.Also = []model.Change{{Kind: model.ChangeRetract, Deployment: dep.ID}}
	return inverse, 0, d.put(keyDeployment(dep.ID), dep)
}

func (d *draft) setupUpdates(c *model.Change) (*model.Change, uint64, error) {
	inverse := &model.Change{Kind: model.ChangeSetup, Setup: ptr(d.setup), Settings: ptr(d.settings), Name: c.Upstream.Name}
	if i := slices.IndexFunc(d.upstreams, func(u model.Upstream) bool { return u.Name == c.Upstream.Name }); i >= 0 {
		inverse.Upstream = ptr(d.upstreams[i])
	}
	d.setup.Updates = model.SetupStep{Done: d.store.now(), How: append(slices.Clone(d.setup.Updates.How), missing(d.setup.Updates.How, []string{string(c.Upstream.Kind) + "=" + c.Upstream.Location})...)}
	d.decideSettings(c.Settings)
	return inverse, 0, errors.Join(d.setUpstream(c.Upstream), d.selectRows(),
		d.put(keyMeta(metaSetup), d.setup), d.put(keyMeta(metaSettings), d.settings))
}

// decideSettings takes settings over. Those of before, which an inverse puts
// back, were decided when they were.
func (d *draft) decideSettings(settings *model.Settings) {
	before := d.settings.Decided
	d.settings = *settings
	if d.settings.Decided.IsZero() || d.settings.Decided.Equal(before) {
		d.settings.Decided = d.store.now()
	}
}

func ptr[T any](v T) *T { return &v }

// restoreSetup puts back what a wizard's run replaced.
func (d *draft) restoreSetup(c *model.Change) (*model.Change, uint64, error) {
	inverse := &model.Change{Kind: model.ChangeSetup, Setup: ptr(d.setup), Name: c.Name}
	d.setup = *c.Setup
	errs := []error{d.put(keyMeta(metaSetup), d.setup)}
	if c.Settings != nil {
		inverse.Settings = ptr(d.settings)
		d.settings = *c.Settings
		errs = append(errs, d.selectRows(), d.put(keyMeta(metaSettings), d.settings))
	}
	if c.Name != "" {
		if i := slices.IndexFunc(d.upstreams, func(u model.Upstream) bool { return u.Name == c.Name }); i >= 0 {
			inverse.Upstream = ptr(d.upstreams[i])
		}
		if c.Upstream != nil {
			errs = append(errs, d.setUpstream(c.Upstream))
		} else {
			d.dropUpstream(c.Name)
		}
	}
	return inverse, 0, errors.Join(errs...)
}

func (d *draft) upstream(c *model.Change) (*model.Change, uint64, error) {
	name := c.Name
	if c.Upstream != nil {
		name = c.Upstream.Name
	}
	inverse := &model.Change{Kind: model.ChangeUpstreamEnd, Name: name}
	if i := slices.IndexFunc(d.upstreams, func(u model.Upstream) bool { return u.Name == name }); i >= 0 {
		inverse = &model.Change{Kind: model.ChangeUpstream, Upstream: ptr(d.upstreams[i])}
	} else if c.Kind == model.ChangeUpstreamEnd {
		return nil, 0, fmt.Errorf("upstream %q: %w", name, ErrNotFound)
	}
	if c.Kind == model.ChangeUpstream {
		return inverse, 0, d.setUpstream(c.Upstream)
	}
	d.dropUpstream(name)
	return inverse, 0, nil
}

func (d *draft) setUpstream(u *model.Upstream) error {
	d.upstreams = slices.DeleteFunc(slices.Clone(d.upstreams), func(o model.Upstream) bool { return o.Name == u.Name })
	d.upstreams = append(d.upstreams, *u)
	slices.SortFunc(d.upstreams, func(a, b model.Upstream) int { return strings.Compare(a.Name, b.Name) })
	return d.put(keyUpstream(u.Name), u)
}

// dropUpstream forgets an upstream. Its anchor goes too: whoever configures it
// again begins anew.
func (d *draft) dropUpstream(name string) {
	d.upstreams = slices.DeleteFunc(slices.Clone(d.upstreams), func(o model.Upstream) bool { return o.Name == name })
	d.delete(keyUpstream(name))
	d.delete(keyAnchor(name))
}

func (d *draft) removeComputers(c *model.Change) error {
	computers := d.computers.edit()
	counts := newCounting(d.tallies)
	d.managed = d.managed.Clone()
	for _, n := range c.Computers {
		e := computers.at(n)
		if e == nil {
			continue // named twice
		}
		counts.replace(n, e.counted(), nil)
		computers.set(n, nil)
		d.managed.Remove(n)
		d.delete(keyComputer(n))
		d.delete(keyComputerID(e.computer.ID))
		d.delete(keyInventory(n))
		d.delete(keyStatus(n))
		d.delete(keyPastReports(n))
	}
	d.computers, d.tallies = computers.vector, counts.vector
	var groups []model.Group
	for _, g := range d.allGroups() {
		var inside, outside []uint32
		g.Members, inside = less(g.Members, c.Computers)
		g.Excluded, outside = less(g.Excluded, c.Computers)
		if len(inside)+len(outside) > 0 {
			groups = append(groups, g)
		}
	}
	return d.setGroups(groups...)
}
