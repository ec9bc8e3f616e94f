package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
	"fettle/model/query"
)

// role is the least access that a kind of change needs: operators handle
// updates and membership, administrators everything else (design 10).
func role(k model.ChangeKind) model.Access {
	switch k {
	case model.ChangeApprove, model.ChangeDecline, model.ChangeReinstate, model.ChangeUndecline, model.ChangeRetract,
		model.ChangeRestore, model.ChangeJoin, model.ChangeLeave, model.ChangeSeen, model.ChangeUnseen,
		model.ChangePostpone, model.ChangeResume:
		return model.AccessOperator
	}
	return model.AccessAdministrator
}

// RoleFor is the least access that a kind of change needs, for those who want to
// know before they try.
func RoleFor(k model.ChangeKind) model.Access { return role(k) }

// neededRole is the least access that a change needs with all its steps.
func neededRole(c model.Change) model.Access {
	need := role(c.Kind)
	for _, also := range c.Also {
		need = max(need, neededRole(also))
	}
	return need
}

func roleRefusal(need model.Access, by model.Actor) error {
	return &model.Refusal{Code: "role", What: "The change was refused", Why: fmt.Sprintf("it needs the role %s, and %s has the role %s", need, by.Who, by.Role)}
}

// check refuses what must not be made (semantics 3.2; design 4, 8, 10).
func (s *Snapshot) check(c model.Change, by model.Actor) error {
	if need := neededRole(c); by.Role < need {
		return roleRefusal(need, by)
	}
	return s.checkOne(&c)
}

// checkOne refuses one step of a change, whoever makes it.
func (s *Snapshot) checkOne(step *model.Change) error {
	c := *step
	if err := s.checkReplica(c.Kind); err != nil {
		return err
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
		i := s.deploymentIndex(c.Deployment)
		if i < 0 {
			return fmt.Errorf("deployment %d: %w", c.Deployment, ErrNotFound)
		}
		if c.Kind == model.ChangeRestore {
			return s.checkRestore(s.deployments[i])
		}
	case model.ChangeGroupAdd:
		if len(c.Restored) > 0 {
			return s.checkRestored(c.Restored)
		}
		if len(c.Computers) > 0 {
			if err := s.checkTargeting(); err != nil {
				return err
			}
		}
		return s.checkGroup(c.Group, true)
	case model.ChangeGroupRename, model.ChangeFormula, model.ChangeGroupMove, model.ChangeGroupRemove:
		return s.checkGroupEdit(c)
	case model.ChangeJoin, model.ChangeLeave, model.ChangeExclude, model.ChangeInclude:
		if g, err := s.groupOf(c); err != nil {
			return err
		} else if g.Predefined() {
			return &model.Refusal{Code: "predefined", What: fmt.Sprintf("The members of %s are not changed by hand", g.Name), Why: "it is a predefined group whose membership is computed", Remedy: "fettle group add NAME"}
		} else if c.Kind == model.ChangeJoin || c.Kind == model.ChangeLeave {
			return s.checkTargeting()
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
	case model.ChangeRuleAdd, model.ChangeRuleSet, model.ChangeRuleRemove:
		return s.checkRule(c)
	case model.ChangeOptions:
		return s.checkOptions(c.Options)
	case model.ChangeForget:
		return s.checkForget(c)
	case model.ChangePostpone, model.ChangeResume:
		return s.checkPostpone(c)
	case model.ChangeAdmit, model.ChangeTurnAway, model.ChangeKeepWaiting:
		return s.checkAdmission(c)
	case model.ChangeLicenceEnd:
		return s.checkLicenceEnd(c)
	}
	return nil
}

// checkTargeting refuses to change membership by hand where computers name
// their groups themselves.
func (s *Snapshot) checkTargeting() error {
	if !s.options.ClientTargeting {
		return nil
	}
	return &model.Refusal{Code: "client-targeting", What: "The members of the group are not changed by hand", Why: "computers name their groups themselves on this server (client-side targeting)",
		Remedy: "let the computer name the group, exclude it with: fettle group exclude NAME COMPUTER, or let administrators do it again with: fettle options --targeting server"}
}

// checkRestore refuses to bring back the approval of what has unaccepted terms.
func (s *Snapshot) checkRestore(d *model.Deployment) error {
	if !slices.ContainsFunc(d.Groups, func(g model.GroupAction) bool { return g.Action == model.ActionInstall }) {
		return nil
	}
	for _, n := range d.Updates {
		if r := s.Row(n); r != nil && r.Has(model.FlagLicence) && !s.stale(n, d.ID) {
			return licenceRefusal(r)
		}
	}
	return nil
}

// checkLicenceEnd refuses to take back the acceptance on which an approval rests.
func (s *Snapshot) checkLicenceEnd(c model.Change) error {
	for _, n := range c.Updates {
		for _, a := range s.Approvals(n) {
			if a.Action == model.ActionInstall && !s.stale(n, a.Deployment) && !s.declined.Contains(n) && !s.Row(n).Has(model.FlagLicence) {
				return &model.Refusal{Code: "licence-used", What: "The acceptance was not taken back", Why: model.Clean(s.Row(n).Title) + " is approved for installation, which rests on it",
					Remedy: "take the approval back first: fettle undo N, with the number of its entry from fettle journal"}
			}
		}
	}
	return nil
}

func licenceRefusal(r *model.UpdateRow) error {
	return &model.Refusal{Code: "licence", What: "The approval was refused", Why: "the licence terms of " + model.Clean(r.Title) + " have not been accepted", Remedy: "fettle accept-licence " + quoteArg(string(r.ID))}
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
	// Removing may have a deadline whatever installing asks (semantics 3.2).
	dated := slices.ContainsFunc(c.Groups, func(g model.GroupAction) bool { return g.Action == model.ActionInstall && !g.Deadline.IsZero() })
	for _, n := range c.Updates {
		r := s.Row(n)
		const plain = model.FlagDeclined | model.FlagWithdrawn | model.FlagExpired | model.FlagLicence | model.FlagInput
		if r.Flags&plain == 0 && !uninstalls {
			continue
		}
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
			return licenceRefusal(r)
		case dated && r.Has(model.FlagInput):
			return &model.Refusal{Code: "input", What: "The deadline was refused", Why: title + " asks the user something when it is installed, so that nothing can install it by a deadline", Remedy: "approve it without a deadline"}
		}
	}
	return s.checkOpposite(c)
}

// checkOpposite refuses to approve a bundle where a part of it is approved for
// the opposite action: computers apply to the parts what is asked of the whole
// (semantics 3.2). What the same change approves of the part counts instead of
// what was approved before.
func (s *Snapshot) checkOpposite(c model.Change) error {
	var again *roaring.Bitmap
	for _, n := range c.Updates {
		if e := s.rows.at(n); e == nil || len(e.children) == 0 {
			continue
		}
		if again == nil {
			again = roaring.BitmapOf(c.Updates...)
		}
		for _, ga := range c.Groups {
			for _, part := range s.Bundled(n) {
				a, ok := s.Approval(part, ga.Group)
				if !ok || !opposite(ga.Action, a.Action) || again.Contains(part) || s.declined.Contains(part) {
					continue
				}
				name := model.Clean(s.tree.Group(ga.Group).Name)
				return &model.Refusal{Code: "opposite", What: "The approval was refused", Why: fmt.Sprintf("%s bundles %s, which is approved for the opposite: %s for %s",
					model.Clean(s.Row(n).Title), model.Clean(s.Row(part).Title), a.Action.Title(), name),
					Remedy: fmt.Sprintf("take that approval away first: fettle approve %s --group %s --action inherit", quoteArg(string(s.Row(part).ID)), quoteArg(name))}
			}
		}
	}
	return nil
}

// opposite says whether one action undoes the other.
func opposite(a, b model.Action) bool { return binding(a) && binding(b) && a != b }

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

// checkRestored refuses to bring back groups for which there is no place any
// more: since their removal the group above went too, or others took their names.
func (s *Snapshot) checkRestored(groups []model.Group) error {
	refuse := func(code, why, remedy string) error {
		return &model.Refusal{Code: code, What: fmt.Sprintf("The group %s was not brought back", model.Clean(groups[0].Name)), Why: why, Remedy: remedy}
	}
	for _, g := range groups {
		above := func(o model.Group) bool { return o.ID == g.Parent }
		switch o := s.tree.ByName(g.Name); {
		case s.tree.Group(g.ID) != nil:
			return refuse("exists", "it exists", "")
		case o != nil:
			return refuse("exists", "another group is named "+o.Name+" now", "rename that one first: fettle group rename "+quoteArg(o.Name)+" NAME")
		case s.tree.Group(g.Parent) == nil && !slices.ContainsFunc(groups, above):
			return refuse("parent", "the group above it was removed", "bring that one back first: fettle undo N, with the number of its entry from fettle journal")
		}
	}
	return nil
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
