package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
	"fettle/model/query"
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
func (s *Store) Make(ctx context.Context, c model.Change, by model.Actor) (model.Entry, error) {
	return s.change(ctx, c, by, 0)
}

// Undo takes back an entry of the journal, as a change of its own; entry 0
// means the newest that can be taken back and was not.
func (s *Store) Undo(ctx context.Context, entry uint64, by model.Actor, remark string) (model.Entry, error) {
	e, err := s.Undoable(entry)
	if err != nil {
		return model.Entry{}, err
	}
	inverse := *e.Inverse
	inverse.Remark = remark
	return s.change(ctx, inverse, by, e.Seq)
}

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

func (s *Store) change(ctx context.Context, c model.Change, by model.Actor, undoes uint64) (model.Entry, error) {
	var entry model.Entry
	err := s.do(ctx, func(d *draft) error {
		if err := d.check(c, by); err != nil {
			return err
		}
		e := model.Entry{Actor: by, Kind: c.Kind, Remark: c.Remark, Undoes: undoes, Summary: d.summary(c)}
		if undoes != 0 {
			e.Summary = fmt.Sprintf("Took back entry %d: %s", undoes, e.Summary)
		}
		inverse, result, err := d.perform(&c, by)
		if err != nil {
			return err
		}
		e.Change, e.Inverse, e.Result = c, inverse, result
		entry, err = d.enter(e)
		return err
	})
	return entry, err
}

// role is the least access that a kind of change needs: operators handle
// updates and membership, administrators everything else (design 10).
func role(k model.ChangeKind) model.Access {
	switch k {
	case model.ChangeApprove, model.ChangeDecline, model.ChangeReinstate, model.ChangeUndecline, model.ChangeRetract,
		model.ChangeRestore, model.ChangeJoin, model.ChangeLeave:
		return model.AccessOperator
	}
	return model.AccessAdministrator
}

// check refuses what must not be made (semantics 3.2; design 4, 8, 10).
func (s *Snapshot) check(c model.Change, by model.Actor) error {
	if need := role(c.Kind); by.Role < need {
		return &model.Refusal{Code: "role", What: "The change was refused", Why: fmt.Sprintf("it needs the role %s, and %s has the role %s", need, by.Who, by.Role)}
	}
	switch c.Kind {
	case model.ChangeComputers, model.ChangeUpdates, model.ChangeUpstream, model.ChangeUpstreamEnd, model.ChangeSettings, model.ChangeSetup:
	default:
		if !s.setup.Complete() {
			return model.SetupRefusal(s.setup)
		}
	}
	for _, n := range c.Computers {
		if s.computers.at(n) == nil {
			return fmt.Errorf("computer %d: %w", n, ErrNotFound)
		}
	}
	for _, n := range c.Updates {
		if s.rows.at(n) == nil {
			return fmt.Errorf("update %d: %w", n, ErrNotFound)
		}
	}
	switch c.Kind {
	case model.ChangeApprove:
		return s.checkApprove(c)
	case model.ChangeDecline, model.ChangeReinstate, model.ChangeUndecline:
		if len(c.Updates) == 0 {
			return &model.Refusal{Code: "nothing", What: "Nothing was changed", Why: "no update was named"}
		}
	case model.ChangeRetract, model.ChangeRestore:
		if i := s.deploymentIndex(c.Deployment); i < 0 {
			return fmt.Errorf("deployment %d: %w", c.Deployment, ErrNotFound)
		}
	case model.ChangeGroupAdd:
		if len(c.Restored) == 0 {
			return s.checkGroup(c.Group, true)
		}
	case model.ChangeGroupRename, model.ChangeFormula, model.ChangeGroupMove, model.ChangeGroupRemove:
		return s.checkGroupEdit(c)
	case model.ChangeJoin, model.ChangeLeave, model.ChangeExclude, model.ChangeInclude:
		if g, err := s.groupOf(c); err != nil {
			return err
		} else if g.Predefined() {
			return &model.Refusal{Code: "predefined", What: fmt.Sprintf("The members of %s are not changed by hand", g.Name), Why: "it is a predefined group whose membership is computed", Remedy: "fettle group add NAME"}
		}
	case model.ChangePolicy:
		g, err := s.groupOf(c)
		if err != nil {
			return err
		}
		if p := c.Group.Policy; g.ID == model.GroupAll && (p.Mode == model.ModeUnset || p.Restart == model.RestartUnset) {
			return &model.Refusal{Code: "root-policy", What: "The policy of All Computers must be complete", Why: "every computer whose groups decide nothing obeys it"}
		}
		if c.Group.Policy.Mode == model.ModeScheduled && c.Group.Policy.Install == nil {
			return &model.Refusal{Code: "no-time", What: "The mode scheduled needs a time", Remedy: "fettle policy GROUP --mode scheduled --at daily@03:00"}
		}
		if c.Group.Policy.Restart == model.RestartAt && c.Group.Policy.RestartAt == nil {
			return &model.Refusal{Code: "no-time", What: "Restarting at a time needs the time", Remedy: "fettle policy GROUP --restart daily@04:00"}
		}
	case model.ChangeUpdates:
		if c.Upstream == nil || c.Settings == nil {
			return errors.New("the wizard's answers are incomplete")
		}
		return checkSelection(c.Settings)
	case model.ChangeSettings:
		return checkSelection(c.Settings)
	}
	return nil
}

// checkSelection refuses a selection of products that is no query on updates.
func checkSelection(settings *model.Settings) error {
	if settings == nil {
		return errors.New("the change holds no settings")
	}
	if _, err := query.ParseUpdates(settings.Products); err != nil {
		return &model.Refusal{Code: "selection", What: fmt.Sprintf("The selection of products %q was refused", model.Clean(settings.Products)), Why: err.Error()}
	}
	return nil
}

func (s *Snapshot) checkApprove(c model.Change) error {
	if len(c.Updates) == 0 || len(c.Groups) == 0 {
		return &model.Refusal{Code: "nothing", What: "Nothing was approved", Why: "an approval needs at least one update and one group"}
	}
	for _, ga := range c.Groups {
		g := s.tree.Group(ga.Group)
		if g == nil {
			return fmt.Errorf("group %s: %w", ga.Group, ErrNotFound)
		}
		if ga.Action == model.ActionNotApproved && ga.Group == model.GroupAll {
			return &model.Refusal{Code: "not-approved-root", What: "Not Approved cannot be set on All Computers", Why: "it overrides an approval of a group above, and there is none above; use the action inherit to remove its approval", Remedy: "fettle approve ... --group \"All Computers\" --action inherit"}
		}
	}
	installs := slices.ContainsFunc(c.Groups, func(g model.GroupAction) bool { return g.Action == model.ActionInstall })
	uninstalls := slices.ContainsFunc(c.Groups, func(g model.GroupAction) bool { return g.Action == model.ActionUninstall })
	for _, n := range c.Updates {
		r := s.Row(n)
		title := model.Clean(r.Title)
		switch {
		case r.Has(model.FlagDeclined):
			return &model.Refusal{Code: "declined", What: "The approval was refused", Why: title + " is declined", Remedy: "fettle reinstate " + quoteArg(string(r.ID))}
		case installs && r.Has(model.FlagWithdrawn):
			ref := &model.Refusal{Code: "withdrawn", What: "The approval was refused", Why: title + " was withdrawn: its archive no longer offers this version, so that it cannot be installed"}
			for _, by := range s.SupersededBy(n) {
				if o := s.Row(by); o.Flags&(model.FlagWithdrawn|model.FlagExpired|model.FlagDeclined) == 0 {
					ref.Remedy = "approve its successor: fettle approve " + quoteArg(string(o.ID))
					break
				}
			}
			return ref
		case installs && r.Has(model.FlagExpired):
			return &model.Refusal{Code: "expired", What: "The approval was refused", Why: title + " was expired by its publisher; it can only be uninstalled"}
		case uninstalls && !r.Has(model.FlagRemovable):
			return &model.Refusal{Code: "not-removable", What: "The approval was refused", Why: title + " cannot be uninstalled"}
		case installs && r.Has(model.FlagLicence):
			return &model.Refusal{Code: "licence", What: "The approval was refused", Why: "the licence terms of " + title + " have not been accepted"}
		}
	}
	return nil
}

// quoteArg quotes an argument for the shell when it needs to be.
func quoteArg(s string) string {
	if strings.ContainsAny(s, " '\"$`\\!*?()<>|&;~") {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

func (s *Snapshot) groupOf(c model.Change) (*model.Group, error) {
	if c.Group == nil {
		return nil, errors.New("the change names no group")
	}
	g := s.tree.Group(c.Group.ID)
	if g == nil {
		return nil, fmt.Errorf("group %s: %w", c.Group.ID, ErrNotFound)
	}
	return g, nil
}

// checkGroup refuses a name, parent or formula that cannot be.
func (s *Snapshot) checkGroup(g *model.Group, fresh bool) error {
	if g == nil {
		return errors.New("the change names no group")
	}
	name := strings.TrimSpace(g.Name)
	switch {
	case name == "" || model.Clean(name) != g.Name || len(name) > 100:
		return &model.Refusal{Code: "name", What: fmt.Sprintf("%q cannot be a group's name", model.Clean(g.Name)), Why: "a name has 1 to 100 characters, without blanks around it and without control characters"}
	case s.tree.ByName(name) != nil && s.tree.ByName(name).ID != g.ID:
		return &model.Refusal{Code: "exists", What: fmt.Sprintf("A group named %q exists already", name)}
	case fresh && s.tree.Group(g.Parent) == nil:
		return fmt.Errorf("the parent group %s: %w", g.Parent, ErrNotFound)
	case fresh && g.Parent != model.GroupAll && s.tree.Group(g.Parent).Predefined():
		return &model.Refusal{Code: "parent", What: fmt.Sprintf("%s cannot have subgroups", s.tree.Group(g.Parent).Name), Why: "its membership is computed"}
	}
	return checkFormula(g.Formula)
}

func (s *Snapshot) checkGroupEdit(c model.Change) error {
	g, err := s.groupOf(c)
	if err != nil {
		return err
	}
	if g.Predefined() {
		return &model.Refusal{Code: "predefined", What: fmt.Sprintf("%s cannot be changed", g.Name), Why: "it is a predefined group"}
	}
	switch c.Kind {
	case model.ChangeGroupRename:
		return s.checkGroup(&model.Group{ID: g.ID, Name: c.Group.Name}, false)
	case model.ChangeFormula:
		return checkFormula(c.Group.Formula)
	case model.ChangeGroupMove:
		p := s.tree.Group(c.Group.Parent)
		switch {
		case p == nil:
			return fmt.Errorf("group %s: %w", c.Group.Parent, ErrNotFound)
		case s.tree.Within(p.ID, g.ID):
			return &model.Refusal{Code: "cycle", What: fmt.Sprintf("%s cannot be moved below %s", g.Name, p.Name), Why: "it would be below itself"}
		case p.ID != model.GroupAll && p.Predefined():
			return &model.Refusal{Code: "parent", What: fmt.Sprintf("%s cannot have subgroups", p.Name), Why: "its membership is computed"}
		}
	}
	return nil
}

// perform changes the draft and writes the records. It gives the inverse, which
// is a change of its own, and the number of what was made.
func (d *draft) perform(c *model.Change, by model.Actor) (*model.Change, uint64, error) {
	inverse, result, err := d.performOne(c, by)
	if err != nil {
		return nil, 0, err
	}
	for i := range c.Also {
		also, _, err := d.performOne(&c.Also[i], by)
		if err != nil {
			return nil, 0, err
		}
		if inverse != nil && also != nil {
			inverse.Also = append(inverse.Also, *also)
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
		d.settings = *c.Settings
		return &model.Change{Kind: model.ChangeSettings, Settings: &before}, 0, errors.Join(d.selectRows(), d.put(keyMeta(metaSettings), d.settings))
	case model.ChangeRemove:
		return nil, 0, d.removeComputers(c)
	}
	inverse, err := d.performGroup(c)
	return inverse, 0, err
}

// missing gives what b has and a has not.
func missing(a, b []string) []string {
	var out []string
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
	slices.Sort(c.Updates)
	c.Updates = slices.Compact(c.Updates)
	dep := &model.Deployment{
		ID: d.nextDeployment(), Name: c.Name, Author: by.Who, Time: d.store.now(), Groups: c.Groups, Updates: c.Updates, Remark: c.Remark, Rule: c.Rule,
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
		if d.declined.Contains(n) != to {
			changed = append(changed, n)
		}
	}
	if len(changed) == 0 {
		word := "declined"
		if !to {
			word = "not declined"
		}
		return nil, 0, &model.Refusal{Code: "nothing", What: "Nothing was changed", Why: "the updates are " + word + " already"}
	}
	d.flagDeclined(changed, to)
	inverse := &model.Change{Kind: model.ChangeUndecline, Updates: changed}
	if !to {
		inverse.Kind = model.ChangeDecline
	}
	return inverse, 0, d.put(keyMeta(metaDeclined), d.declined.ToArray())
}

func (d *draft) flagDeclined(numbers []uint32, to bool) {
	d.declined = d.declined.Clone()
	rows := d.rows.edit()
	for _, n := range numbers {
		e, row := *rows.at(n), *rows.at(n).row
		e.row = &row
		if to {
			d.declined.Add(n)
			row.Flags |= model.FlagDeclined
		} else {
			d.declined.Remove(n)
			row.Flags &^= model.FlagDeclined
		}
		rows.set(n, &e)
	}
	d.rows = rows.vector
	d.hide()
}

// reinstate brings declined updates back as Not Approved: a record over all
// deployments takes their old approvals out of force (semantics 7.6).
func (d *draft) reinstate(c *model.Change, by model.Actor) (*model.Change, uint64, error) {
	inverse, _, err := d.decline(&model.Change{Kind: model.ChangeUndecline, Updates: c.Updates})
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
	d.settings = *c.Settings
	return inverse, 0, errors.Join(d.setUpstream(c.Upstream), d.selectRows(),
		d.put(keyMeta(metaSetup), d.setup), d.put(keyMeta(metaSettings), d.settings))
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
		counts.replace(n, e, nil)
		computers.set(n, nil)
		d.managed.Remove(n)
		d.delete(keyComputer(n))
		d.delete(keyComputerID(e.computer.ID))
		d.delete(keyInventory(n))
		d.delete(keyStatus(n))
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

// summary is the change in one line, in the past tense of the journal.
func (s *Snapshot) summary(c model.Change) string {
	updates := plural(len(c.Updates), "update")
	if len(c.Updates) == 1 && s.Row(c.Updates[0]) != nil {
		updates = model.Clean(s.Row(c.Updates[0]).Title)
	}
	group := ""
	if c.Group != nil {
		group = c.Group.Name
		if g := s.tree.Group(c.Group.ID); g != nil {
			group = g.Name
		}
	}
	switch c.Kind {
	case model.ChangeApprove:
		var parts []string
		for _, ga := range c.Groups {
			name := string(ga.Group)
			if g := s.tree.Group(ga.Group); g != nil {
				name = g.Name
			}
			p := ga.Action.Title() + " for " + name
			if !ga.Deadline.IsZero() {
				p += " by " + ga.Deadline.UTC().Format(time.RFC3339)
			}
			parts = append(parts, p)
		}
		return fmt.Sprintf("Approved %s: %s", updates, strings.Join(parts, ", "))
	case model.ChangeDecline:
		return "Declined " + updates
	case model.ChangeUndecline:
		return "Ended the decline of " + updates
	case model.ChangeReinstate:
		return "Reinstated " + updates + " as Not Approved"
	case model.ChangeRetract:
		return fmt.Sprintf("Retracted deployment %d", c.Deployment)
	case model.ChangeRestore:
		return fmt.Sprintf("Restored deployment %d", c.Deployment)
	case model.ChangeGroupAdd:
		if len(c.Restored) > 0 {
			return "Restored group " + c.Restored[0].Name
		}
		return "Added group " + group
	case model.ChangeGroupRename:
		return "Renamed group " + group + " to " + c.Group.Name
	case model.ChangeGroupMove:
		return "Moved group " + group
	case model.ChangeGroupRemove:
		return "Removed group " + group
	case model.ChangeFormula:
		return "Changed the formula of group " + group
	case model.ChangeJoin:
		return fmt.Sprintf("Put %s into %s", s.computerNames(c.Computers), group)
	case model.ChangeLeave:
		return fmt.Sprintf("Took %s out of %s", s.computerNames(c.Computers), group)
	case model.ChangeExclude:
		return fmt.Sprintf("Excluded %s from %s", s.computerNames(c.Computers), group)
	case model.ChangeInclude:
		return fmt.Sprintf("Ended the exclusion of %s from %s", s.computerNames(c.Computers), group)
	case model.ChangePolicy:
		return "Changed the policy of " + group
	case model.ChangeComputers:
		return "Completed the Computer and Device Management Wizard: " + strings.Join(c.How, ", ")
	case model.ChangeUpdates:
		return "Completed the Updates Management Configuration Wizard: " + string(c.Upstream.Kind) + "=" + c.Upstream.Location
	case model.ChangeUpstream:
		return "Changed upstream " + c.Upstream.Name
	case model.ChangeUpstreamEnd:
		return "Removed upstream " + c.Name
	case model.ChangeSettings:
		return "Changed the settings of update management"
	case model.ChangeRemove:
		return "Removed " + s.computerNames(c.Computers)
	case model.ChangeSetup:
		return "Put back the configuration of before"
	}
	return string(c.Kind)
}

func (s *Snapshot) computerNames(numbers []uint32) string {
	if len(numbers) > 3 {
		return plural(len(numbers), "computer")
	}
	var names []string
	for _, n := range numbers {
		if c := s.Computer(n); c != nil {
			names = append(names, model.Clean(c.Name))
		} else {
			names = append(names, "computer "+strconv.Itoa(int(n)))
		}
	}
	return strings.Join(names, ", ")
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return strconv.Itoa(n) + " " + word + "s"
}

// union is the set of the computers of several groups.
func (s *Snapshot) union(groups []model.GroupAction, action model.Action) *roaring.Bitmap {
	m := roaring.New()
	for _, g := range groups {
		if g.Action == action {
			m.Or(s.Members(g.Group))
		}
	}
	return m
}
