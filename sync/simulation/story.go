package simulation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"fettle/model"
	"fettle/store"
)

// Story is a history that goes on by chance, one event at a time: for tests of
// properties that must hold whatever happens. Unlike Live it keeps to no habits:
// administrators decide wildly, and much of it is refused.
type Story struct {
	Refused int // events that a rule refused

	store *store.Store
	fleet *Fleet
	runs  []Run // that are still to come
	made  int   // names given to groups and rules
}

// Event is one thing that happens.
type Event struct {
	What string // in words: "bjorn declines 3 updates"
	do   func(context.Context) error
}

// NewStory continues the history of a store that Fill filled with this fleet.
func NewStory(s *store.Store, f *Fleet) *Story {
	st := &Story{store: s, fleet: f}
	st.runs = slices.DeleteFunc(slices.Clone(f.Catalogue.Runs), func(r Run) bool { return r.Started.Before(f.Options.Until) })
	return st
}

// Next draws what happens next. Drawing changes nothing; Apply does.
func (st *Story) Next(r *rand.Rand) Event {
	switch x := r.IntN(100); {
	case x < 50:
		return st.checkIn(r)
	case x < 55 && len(st.runs) > 0:
		return st.synchronization()
	case x < 58:
		return Event{"a newest revision changes", func(ctx context.Context) error { return st.revise(ctx, r) }}
	}
	c, by := st.decision(r)
	if c.Kind == "" {
		return Event{by.Who + " takes the newest entry back", func(ctx context.Context) error {
			_, err := st.store.Undo(ctx, 0, by, "")
			return err
		}}
	}
	return Event{fmt.Sprintf("%s: %s of %d updates and %d computers", by.Who, c.Kind, len(c.Updates), len(c.Computers)), func(ctx context.Context) error {
		_, err := st.store.Make(ctx, c, by)
		return err
	}}
}

// Apply lets an event happen, some minutes after the one before. Refusals are
// counted, and are no errors.
func (st *Story) Apply(ctx context.Context, e Event, r *rand.Rand) error {
	clock := st.fleet.Options.Clock
	clock.Set(clock.Now().Add(time.Duration(1+r.IntN(90)) * time.Minute))
	err := e.do(ctx)
	var no *model.Refusal
	var waits *model.AwaitingConsent
	if errors.As(err, &no) || errors.As(err, &waits) || errors.Is(err, store.ErrNotFound) {
		st.Refused++
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", e.What, err)
	}
	return nil
}

// checkIn lets one computer act as in Live.
func (st *Story) checkIn(r *rand.Rand) Event {
	c := pick(r, st.fleet.Computers)
	return Event{c.Facts.Name + " checks in", func(ctx context.Context) error {
		// Removed computers do not come back under their numbers.
		if c.Facts.Admission != model.Managed || c.Silent || st.store.Snapshot().Computer(c.Facts.Number) == nil {
			return nil
		}
		snap := st.store.Snapshot()
		st.fleet.checkIn(c, snap, removing(snap), st.store.Now())
		rep := store.Report{Computer: c.report(c.policy(snap)), Status: st.fleet.Status(c)}
		if st.fleet.Options.Details {
			rep.Inventory = st.fleet.Inventory(c)
		}
		_, err := st.store.Record(ctx, rep)
		return err
	}}
}

// synchronization brings what the catalogue holds for later.
func (st *Story) synchronization() Event {
	run := st.runs[0]
	return Event{"a synchronization with " + run.Upstream, func(ctx context.Context) error {
		st.runs = st.runs[1:]
		f := st.fleet
		h := &history{Options: f.Options, store: st.store, catalogue: f.Catalogue, fleet: f}
		// The story's own time may be ahead of the run's.
		now := f.Options.Clock.Now()
		length := run.Ended.Sub(run.Started)
		run.Started, run.Ended = now, now.Add(length)
		return h.synchronize(ctx, &run)
	}}
}

// revise publishes a revision of some update that the catalogue did not plan.
func (st *Story) revise(ctx context.Context, r *rand.Rand) error {
	snap := st.store.Snapshot()
	n := uint32(1 + r.IntN(int(snap.LastUpdate())))
	u, err := st.store.Update(n)
	if err != nil || u.Removed {
		return err
	}
	c := *u
	switch r.IntN(4) {
	case 0:
		c.Licence += " Amended."
	case 1:
		if c.Debian == nil {
			c.Applies = bytesOf(r, 16)
		}
	case 2:
		c.Title += "."
	default:
		c.Description += "."
	}
	_, err = st.store.Import(ctx, []*model.Update{&c})
	return err
}

// decision draws a change and who makes it; no kind means taking one back.
func (st *Story) decision(r *rand.Rand) (model.Change, model.Actor) {
	snap := st.store.Snapshot()
	by := pick(r, []model.Actor{amara, bjorn, chidi, dalia})
	updates := func(most int) []uint32 {
		var list []uint32
		for range between(r, 1, most) {
			list = append(list, uint32(1+r.IntN(int(max(1, snap.LastUpdate())))))
		}
		slices.Sort(list)
		return slices.Compact(list)
	}
	computers := func(most int) []uint32 {
		var list []uint32
		for range between(r, 1, most) {
			list = append(list, pick(r, st.fleet.Computers).Facts.Number)
		}
		slices.Sort(list)
		return slices.Compact(list)
	}
	order := snap.Groups().Order()
	group := func() *model.Group {
		g := *snap.Groups().Group(pick(r, order))
		return &g
	}
	switch r.IntN(24) {
	case 0, 1, 2, 3, 4, 5, 6:
		c := model.Change{Kind: model.ChangeApprove, Updates: updates(5)}
		for range between(r, 1, 3) {
			a := model.GroupAction{Group: pick(r, order), Action: pick(r, []model.Action{model.ActionInstall, model.ActionInstall, model.ActionInstall, model.ActionNotApproved, model.ActionInherit, model.ActionUninstall})}
			if draw(r, 0.5) {
				a.Deadline = st.store.Now().Add(time.Duration(between(r, -48, 200)) * time.Hour)
			}
			if !slices.ContainsFunc(c.Groups, func(o model.GroupAction) bool { return o.Group == a.Group }) {
				c.Groups = append(c.Groups, a)
			}
		}
		return c, by
	case 7, 8:
		return model.Change{Kind: model.ChangeDecline, Updates: updates(4)}, by
	case 9:
		return model.Change{Kind: model.ChangeReinstate, Updates: declinedOf(snap, updates(60))}, by
	case 10:
		return model.Change{Kind: model.ChangeLicence, Updates: updates(30)}, by
	case 11:
		return model.Change{Kind: model.ChangeJoin, Group: group(), Computers: computers(5)}, by
	case 12:
		return model.Change{Kind: model.ChangeLeave, Group: group(), Computers: computers(20)}, by
	case 13:
		return model.Change{Kind: model.ChangeExclude, Group: group(), Computers: computers(5)}, by
	case 14:
		return model.Change{Kind: model.ChangeInclude, Group: group(), Computers: computers(20)}, by
	case 15:
		st.made++
		formula := pick(r, []string{"", "role:server", "platform:linux", "name:web*", "needed:>20"})
		return model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: fmt.Sprintf("Story %d", st.made), Parent: pick(r, order), Formula: formula}, Computers: computers(20)}, by
	case 16:
		g := group()
		g.Parent = pick(r, order)
		return model.Change{Kind: model.ChangeGroupMove, Group: g}, by
	case 17:
		return model.Change{Kind: model.ChangeGroupRemove, Group: group()}, by
	case 18:
		g := group()
		g.Policy = model.Policy{Mode: model.Mode(r.IntN(5)), Install: &model.WeekTime{Day: between(r, -1, 6), Minute: r.IntN(1440)}, Restart: model.RestartRule(r.IntN(3))}
		return model.Change{Kind: model.ChangePolicy, Group: g}, by
	case 19:
		st.made++
		return model.Change{Kind: model.ChangeRuleAdd, Automatic: &model.Rule{Name: fmt.Sprintf("Story %d", st.made), Enabled: true, Classes: []model.Classification{pick(r, model.Classifications())}, Groups: []model.GroupID{pick(r, order)}}}, by
	case 20:
		if rules := snap.Rules(); len(rules) > 0 {
			rule := pick(r, rules)
			return store.RunChange(snap.RunOf(rule, updates(40), st.store.Now())), by
		}
	case 21:
		if d := snap.Deployments(); len(d) > 0 {
			return model.Change{Kind: pick(r, []model.ChangeKind{model.ChangeRetract, model.ChangeRestore}), Deployment: pick(r, d).ID}, by
		}
	case 22:
		return model.Change{Kind: model.ChangeRemove, Computers: computers(1)}, by
	}
	return model.Change{}, by
}

// declinedOf gives those of some updates that are declined.
func declinedOf(snap *store.Snapshot, list []uint32) []uint32 {
	return slices.DeleteFunc(list, func(n uint32) bool { r := snap.Row(n); return r == nil || !r.Has(model.FlagDeclined) })
}
