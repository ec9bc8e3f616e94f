package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fettle/model"
	"fettle/sync/agent/installer"
	"fettle/sync/agent/protocol"
)

// step is what one run of apt-get installs: updates that cannot go without each
// other, and all their items.
type step struct {
	updates []model.UpdateID
	items   []model.PlanItem
}

// judge applies model.Decide to every approved update.
func (c *cycle) judge() []Action {
	if c.st.Decisions == nil {
		return nil
	}
	d, now := c.st.Decisions, c.a.o.Now()
	planned := map[model.UpdateID]model.PlannedUpdate{}
	for _, p := range d.Plan.Updates {
		planned[p.Update] = p
	}
	var actions []Action
	for _, approved := range d.Approved {
		if _, needed := c.closures[approved.Update]; !needed {
			continue // nothing of it is needed here
		}
		x := Action{Update: approved.Update, Title: approved.Title}
		p, ok := planned[approved.Update]
		switch {
		case !ok:
			x.Reason = "the server has not put it into a plan yet"
		case p.Refused != "":
			x.Reason = "it is not installed: " + p.Refused
		case len(p.WaitsFor) > 0:
			x.WaitsFor = p.WaitsFor
			x.Reason = fmt.Sprintf("it waits for %s, which is not approved", joinIDs(p.WaitsFor))
		default:
			decision := model.Decide(model.DecisionInput{Now: now, Approved: true, Deadline: approved.Deadline, Policy: c.policy, Started: c.a.started,
				Arrived: c.st.Arrived[approved.Update].In(now.Location()), Expires: d.Plan.Expires, ByUser: c.byUser(approved.Update)})
			x.Do, x.At, x.Reason = decision.Action, decision.At, decision.Reason
		}
		actions = append(actions, x)
	}
	return actions
}

func joinIDs(ids []model.UpdateID) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = model.Clean(string(id))
	}
	return strings.Join(words, ", ")
}

// act downloads and installs what the decisions say. changed means that
// packages were touched.
func (c *cycle) act(ctx context.Context) (changed bool, err error) {
	c.out.Actions = c.judge()
	var wanted, due []model.UpdateID
	for _, x := range c.out.Actions {
		if x.Do == model.DecideDownload || x.Do == model.DecideInstall {
			wanted = append(wanted, x.Update)
		}
		if x.Do == model.DecideInstall {
			due = append(due, x.Update)
		}
	}
	if len(wanted) == 0 {
		return false, nil
	}
	if c.a.o.Installer == nil {
		c.blocked = installer.NeedsRoot("this process is not root, and sudo is not installed here")
		return false, nil
	}
	downloaded, err := c.download(ctx, c.steps(wanted))
	if err != nil || len(due) == 0 {
		return false, err
	}
	if due = c.askAgain(ctx, due); len(due) == 0 {
		return false, nil
	}
	answered := c.a.o.Now()
	for _, s := range c.steps(due) {
		if slices.ContainsFunc(s.updates, func(u model.UpdateID) bool { return !downloaded[u] }) {
			continue
		}
		if err := context.Cause(ctx); err != nil {
			return changed, err // between two steps is where to stop
		}
		if now := c.a.o.Now(); now.Sub(answered) >= answerHolds && c.out.Offline == nil {
			if still := c.askAgain(ctx, s.updates); len(still) < len(s.updates) || !c.covers(s) {
				continue
			}
			answered = now
		}
		ran, err := c.install(ctx, s)
		changed = changed || ran
		if err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// answerHolds is how long the server's answer is good for the next step: many
// steps may take hours, and what is withdrawn meanwhile is not to be installed.
const answerHolds = 5 * time.Minute

// covers says whether the newest plan still holds all of a step.
func (c *cycle) covers(s step) bool {
	for _, it := range s.items {
		if !slices.ContainsFunc(c.st.Decisions.Plan.Items, func(p model.PlanItem) bool { return p.Spec() == it.Spec() }) {
			return false
		}
	}
	return true
}

// askAgain asks the server right before installing: what is not approved any
// more is not installed (semantics 3.2). When it does not answer, the plan that
// it gave counts until it expires.
func (c *cycle) askAgain(ctx context.Context, due []model.UpdateID) []model.UpdateID {
	if c.out.Offline == nil {
		if err := c.decide(ctx, true); err != nil {
			var refusal *model.Refusal
			if errors.As(err, &refusal) {
				c.event(protocol.Event{Kind: protocol.EventRefused, Updates: due, Code: refusal.Code, Text: refusal.Error()})
				c.blocked = refusal
				return nil
			}
			c.out.Offline = err
		}
	}
	c.note()
	actions := c.judge()
	var still []model.UpdateID
	for _, u := range due {
		approved := slices.ContainsFunc(c.st.Decisions.Approved, func(p model.PlannedUpdate) bool { return p.Update == u })
		i := slices.IndexFunc(actions, func(x Action) bool { return x.Update == u })
		switch {
		case !approved:
			c.out.Withdrawn = append(c.out.Withdrawn, u)
			c.event(protocol.Event{Kind: protocol.EventWithdrawn, Updates: []model.UpdateID{u}, Text: "its approval was withdrawn before it was installed"})
		case i >= 0 && actions[i].Do == model.DecideInstall:
			still = append(still, u)
		}
	}
	c.out.Actions = actions
	return still
}

// steps groups updates by what they cannot be installed without: other approved
// updates that they pull in, and packages that several of them bring.
func (c *cycle) steps(updates []model.UpdateID) []step {
	offered := map[string]model.PlanItem{}
	for _, it := range c.st.Decisions.Plan.Items {
		offered[it.Spec()] = it
	}
	usable := map[model.UpdateID]bool{}
	for _, p := range c.st.Decisions.Plan.Updates {
		usable[p.Update] = p.Refused == "" && len(p.WaitsFor) == 0
	}
	// What is due takes with it what it needs: that is approved too.
	all := slices.Clone(updates)
	for i := 0; i < len(all); i++ {
		for _, n := range c.closures[all[i]].Needs {
			if !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	group := map[model.UpdateID]model.UpdateID{}
	var find func(model.UpdateID) model.UpdateID
	find = func(u model.UpdateID) model.UpdateID {
		if g, ok := group[u]; ok && g != u {
			group[u] = find(g)
			return group[u]
		}
		return u
	}
	owner := map[string]model.UpdateID{}
	for _, u := range all {
		group[u] = find(u)
		for _, n := range c.closures[u].Needs {
			group[find(n)] = find(u)
		}
		for _, it := range c.closures[u].Items {
			if o, ok := owner[it.Spec()]; ok {
				group[find(o)] = find(u)
			}
			owner[it.Spec()] = u
		}
	}
	steps := map[model.UpdateID]*step{}
	whole := map[model.UpdateID]bool{}
	var order []model.UpdateID
	for _, u := range all {
		g := find(u)
		s := steps[g]
		if s == nil {
			s, whole[g] = &step{}, true
			steps[g] = s
			order = append(order, g)
		}
		s.updates = append(s.updates, u)
		cl, known := c.closures[u]
		whole[g] = whole[g] && known && usable[u]
		for _, it := range cl.Items {
			p, ok := offered[it.Spec()]
			if !ok {
				whole[g] = false // the plan was made for another closure: the next cycle makes a new one
				continue
			}
			p.From, p.Reason = it.From, it.Reason
			if !slices.ContainsFunc(s.items, func(x model.PlanItem) bool { return x.Spec() == p.Spec() }) {
				s.items = append(s.items, p)
			}
		}
	}
	var list []step
	for _, g := range order {
		if !whole[g] || len(steps[g].items) == 0 {
			c.a.o.Log.Info("the plan does not cover what installing would do now", "updates", joinIDs(steps[g].updates))
			continue
		}
		slices.SortFunc(steps[g].items, func(a, b model.PlanItem) int { return cmp.Compare(a.Spec(), b.Spec()) })
		list = append(list, *steps[g])
	}
	return list
}

func (s step) key() string {
	var b strings.Builder
	for _, it := range s.items {
		b.WriteString(it.Spec() + " ")
	}
	return b.String()
}

// download fetches and checks the archives of steps: all in one run, and each by
// itself only when that fails, so that one bad archive does not stop the rest.
// The result says which updates are here whole.
func (c *cycle) download(ctx context.Context, steps []step) (map[model.UpdateID]bool, error) {
	here := map[model.UpdateID]bool{}
	var missing []step
	for _, s := range steps {
		if c.st.Downloaded[s.updates[0]] == s.key() {
			c.downloaded(s, here)
		} else {
			missing = append(missing, s)
		}
	}
	if len(missing) == 0 {
		return here, nil
	}
	var all step
	for _, s := range missing {
		all.updates = append(all.updates, s.updates...)
		all.items = append(all.items, s.items...)
	}
	get := func(s step) (installer.Result, error) {
		return c.a.o.Installer.Do(ctx, installer.Order{Verb: installer.Download, Plan: c.st.Decisions.Plan.Number, Items: s.items}, c.progress)
	}
	r, err := get(all)
	if err != nil {
		return here, c.block(err)
	}
	for _, s := range missing {
		each := r
		if !r.OK && len(missing) > 1 {
			if each, err = get(s); err != nil {
				return here, c.block(err)
			}
		}
		if each.OK {
			c.downloaded(s, here)
		} else {
			c.fail(s.updates, each)
		}
	}
	got := slices.DeleteFunc(all.updates, func(u model.UpdateID) bool { return !here[u] })
	if len(got) > 0 {
		c.event(protocol.Event{Kind: protocol.EventDownloaded, Updates: got})
	}
	return here, nil
}

func (c *cycle) downloaded(s step, here map[model.UpdateID]bool) {
	if c.st.Downloaded == nil {
		c.st.Downloaded = map[model.UpdateID]string{}
	}
	for _, u := range s.updates {
		c.st.Downloaded[u], here[u] = s.key(), true
	}
}

// block takes a refusal of the installer as what keeps everything from being
// installed: it is not a failure of any update.
func (c *cycle) block(err error) error {
	var refusal *model.Refusal
	if errors.As(err, &refusal) {
		c.blocked = refusal
		return nil
	}
	return err
}

// fail records that updates failed.
func (c *cycle) fail(updates []model.UpdateID, r installer.Result) {
	kind, code := protocol.EventFailed, r.Code
	if r.Refused {
		kind = protocol.EventRefused
		if code != "verification" {
			code = "refused"
		}
	}
	text := r.Text
	if r.Remedy != "" {
		text += ". To remedy: " + r.Remedy
	}
	for _, u := range updates {
		f := model.Failure{Update: u, Time: c.a.o.Now().UTC(), Code: code, Text: text}
		c.st.Failures = slices.DeleteFunc(c.st.Failures, func(x model.Failure) bool { return x.Update == u })
		c.st.Failures = append(c.st.Failures, f)
		c.out.Failed = append(c.out.Failed, f)
		delete(c.st.Downloaded, u)
		if c.st.Touched == nil {
			c.st.Touched = map[model.UpdateID][]string{}
		}
		c.st.Touched[u] = nil
		for _, it := range c.closures[u].Items {
			c.st.Touched[u] = append(c.st.Touched[u], it.Package)
		}
	}
	c.event(protocol.Event{Kind: kind, Updates: updates, Code: code, Text: strings.TrimSpace(text + "\n" + r.Output)})
	c.a.o.Log.Error("updates were not installed", "updates", joinIDs(updates), "code", code, "reason", text)
}

// install carries out one step: intent, installation, verification, result.
func (c *cycle) install(ctx context.Context, s step) (ran bool, err error) {
	a := c.a
	begun := a.o.Now()
	intent := Intent{Time: begun.UTC(), Plan: c.st.Decisions.Plan.Number, Updates: s.updates, Items: s.items}
	if err := a.writeIntent(intent); err != nil {
		return false, err
	}
	for _, it := range s.items {
		c.own[it.Package+":"+it.Arch] = it.To
	}
	r, doErr := a.o.Installer.Do(ctx, installer.Order{Verb: installer.Install, Plan: intent.Plan, Items: s.items}, c.progress)
	intent.Ended, intent.OK, intent.Text = a.o.Now().UTC(), doErr == nil && r.OK, r.Text
	if doErr != nil {
		var refusal *model.Refusal
		if !errors.As(doErr, &refusal) && context.Cause(ctx) == nil {
			// Nobody knows how it ended: the intent stays open, and the next cycle
			// looks into it (recover).
			return true, fmt.Errorf("installing %s: %w", joinIDs(s.updates), doErr)
		}
		intent.Text = doErr.Error()
	}
	if err := a.writeIntent(intent); err != nil {
		return true, err
	}
	if doErr != nil {
		return false, c.block(doErr)
	}
	installed, err := c.verify(s)
	if err != nil {
		return true, err
	}
	var good, bad []model.UpdateID
	for _, u := range s.updates {
		if installed[u] {
			good = append(good, u)
		} else {
			bad = append(bad, u)
		}
	}
	c.out.Conffiles = append(c.out.Conffiles, r.Conffiles...)
	if len(good) > 0 {
		c.succeed(s, good, r, a.o.Now().Sub(begun))
	}
	if len(bad) > 0 {
		if r.OK { // the installer's word is not enough
			r = installer.Result{Code: "not-installed", Text: "the installer reported success, but a planned version is not installed"}
		}
		c.fail(bad, r)
	}
	return !r.Refused, a.save(&c.st)
}

// verify looks which updates of a step are installed, every planned version of
// them (peers 6c.10).
func (c *cycle) verify(s step) (map[model.UpdateID]bool, error) {
	packages, err := c.a.o.Packages.Installed()
	if err != nil {
		return nil, err
	}
	have := haveVersions(packages)
	result := map[model.UpdateID]bool{}
	for _, u := range s.updates {
		result[u] = true
		for _, it := range c.closures[u].Items {
			result[u] = result[u] && have[it.Package+":"+it.Arch] == it.To
		}
	}
	return result, nil
}

// haveVersions maps name:arch of what is wholly installed to its version.
func haveVersions(packages []model.InstalledPackage) map[string]string {
	have := make(map[string]string, len(packages))
	for _, p := range packages {
		if p.State == model.PackageInstalled || p.State == model.PackageTriggers {
			have[p.Name+":"+p.Arch] = p.Version
		}
	}
	return have
}

func (c *cycle) succeed(s step, updates []model.UpdateID, r installer.Result, took time.Duration) {
	boot, now := c.a.bootID(), c.a.o.Now().UTC()
	var items []model.PlanItem
	for _, u := range updates {
		names := []string{}
		for _, it := range c.closures[u].Items {
			names = append(names, it.Package)
			items = append(items, it)
		}
		c.st.Installed = append(c.st.Installed, InstalledUpdate{Update: u, Boot: boot, Packages: names, Time: now})
		c.st.Failures = slices.DeleteFunc(c.st.Failures, func(f model.Failure) bool { return f.Update == u })
		delete(c.st.Downloaded, u)
		delete(c.st.Touched, u)
	}
	c.out.Installed = append(c.out.Installed, updates...)
	e := protocol.Event{Kind: protocol.EventInstalled, Updates: updates, Items: items, Conffiles: r.Conffiles, Text: r.Text, Seconds: int(took / time.Second)}
	if r.Repaired {
		e.Text = strings.TrimSpace("dpkg had been interrupted and was repaired first. " + e.Text)
	}
	c.event(e)
	c.a.o.Log.Info("updates were installed", "updates", joinIDs(updates), "packages", len(items))
}

// recover looks into a step that was cut off: what it installed counts as ours,
// and what became of it is reported (peers 6c.11).
func (c *cycle) recover() error {
	c.own = map[string]string{}
	intent, err := c.a.openIntent()
	if err != nil || intent == nil {
		return err
	}
	if who := c.a.o.Packages.Busy(); who != "" {
		return &model.Refusal{Code: "busy", What: "an installation that was begun at " + intent.Time.Format(time.RFC3339) + " is still running",
			Why: who + " has the package database", Remedy: "wait until it has finished"}
	}
	packages, err := c.a.o.Packages.Installed()
	if err != nil {
		return err
	}
	have := haveVersions(packages)
	done, touched := 0, 0
	for _, it := range intent.Items {
		key := it.Package + ":" + it.Arch
		c.own[key] = it.To
		if have[key] == it.To {
			done++
		}
		if have[key] != it.From {
			touched++
		}
	}
	e := protocol.Event{Kind: protocol.EventRecovered, Plan: intent.Plan, Updates: intent.Updates, Items: intent.Items}
	switch {
	case done == len(intent.Items):
		e.Text = "the installation was cut off, but everything is installed"
		boot := c.a.bootID()
		for _, u := range intent.Updates {
			var names []string
			for _, it := range intent.Items {
				names = append(names, it.Package)
			}
			c.st.Installed = append(c.st.Installed, InstalledUpdate{Update: u, Boot: boot, Packages: names, Time: intent.Time})
		}
		intent.OK = true
	case touched == 0:
		e.Text = "the installation was cut off before anything was installed"
	default:
		e.Code, e.Text = "interrupted", fmt.Sprintf("the installation was cut off: %d of %d packages are installed; it is finished when the updates are installed next", done, len(intent.Items))
		c.fail(intent.Updates, installer.Result{Code: e.Code, Text: e.Text, Remedy: "fettle agent install"})
	}
	intent.Ended, intent.Text = c.a.o.Now().UTC(), e.Text
	c.event(e)
	return c.a.writeIntent(*intent)
}
