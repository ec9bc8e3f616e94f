package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"fettle/model"
	"fettle/sync/agent/apt"
	"fettle/sync/agent/protocol"
)

// Action is what was decided of one approved update.
type Action struct {
	Update   model.UpdateID       `cbor:"1,keyasint" json:"update"`
	Title    string               `cbor:"2,keyasint,omitempty" json:"title,omitempty"`
	Do       model.DecisionAction `cbor:"3,keyasint" json:"-"`
	At       time.Time            `cbor:"4,keyasint" json:"at,omitzero"` // when it is installed by itself; zero = not by itself
	Reason   string               `cbor:"5,keyasint,omitempty" json:"reason"`
	WaitsFor []model.UpdateID     `cbor:"6,keyasint,omitempty" json:"waits_for,omitempty"`
}

// Outcome is what a cycle came to.
type Outcome struct {
	Report    protocol.Report // the last one of the cycle
	Decisions protocol.Decisions
	Actions   []Action
	Installed []model.UpdateID
	Withdrawn []model.UpdateID // approvals that were gone when asked right before installing
	Failed    []model.Failure  // in this cycle
	Conffiles []string
	Restart   bool  // the computer is about to restart
	Offline   error // why the server could not be asked; what was due by its last plan was done
}

// cycle is one check-in at work.
type cycle struct {
	a        *Agent
	why      occasion
	st       State
	out      Outcome
	progress func(model.Progress)
	who      protocol.Identity
	local    LocalPolicy
	unread   bool // the file behind local is there, but cannot be read
	policy   model.Policy
	scan     *apt.Scan
	result   model.ScanResult
	own      map[string]string // what we installed in this cycle, or in one that was cut off
	remarks  []string
	known    map[string]model.UpdateID
	approved []model.UpdateID
	closures map[model.UpdateID]model.Closure
	byUser   func(model.UpdateID) bool
	judged   bool  // the cycle came as far as deciding
	blocked  error // a refusal that keeps everything from being installed: not root
}

// CheckIn runs one cycle. What could be done is in the Outcome also when there
// is an error; a *model.Refusal says what installing needs.
func (a *Agent) CheckIn(ctx context.Context, progress func(model.Progress)) (Outcome, error) {
	return a.cycle(ctx, asked, func(model.UpdateID) bool { return false }, progress)
}

// Install runs one cycle in which the user asks for approved updates now; no
// identifiers mean all of them.
func (a *Agent) Install(ctx context.Context, updates []model.UpdateID, progress func(model.Progress)) (Outcome, error) {
	wanted := func(u model.UpdateID) bool { return len(updates) == 0 || slices.Contains(updates, u) }
	out, err := a.cycle(ctx, asked, wanted, progress)
	if err != nil {
		return out, err
	}
	for _, u := range updates {
		if !slices.ContainsFunc(out.Actions, func(x Action) bool { return x.Update == u }) && !slices.Contains(out.Installed, u) {
			return out, &model.Refusal{Code: "not-approved", What: "update " + model.Clean(string(u)) + " was not installed",
				Why: "it is not approved for this computer, or not needed here", Remedy: "fettle approve " + model.Clean(string(u)) + " --group ..."}
		}
	}
	return out, nil
}

// occasion is why a cycle is made.
type occasion uint8

const (
	asked occasion = iota // somebody asked for it and waits
	timed                 // its time has come
	woken                 // the server called
)

func (a *Agent) cycle(ctx context.Context, why occasion, byUser func(model.UpdateID) bool, progress func(model.Progress)) (Outcome, error) {
	if err := a.Available(); err != nil {
		return Outcome{}, err
	}
	if progress == nil {
		progress = func(model.Progress) {}
	}
	lock := a.lock
	if why == asked {
		lock = func() (func(), error) { return a.lockPatiently(ctx, progress) }
	}
	unlock, err := lock()
	if err != nil {
		return Outcome{}, err
	}
	defer unlock()
	c := &cycle{a: a, why: why, progress: progress, byUser: byUser, closures: map[model.UpdateID]model.Closure{}}
	if c.st, err = a.State(); err != nil {
		return Outcome{}, err
	}
	err = c.run(ctx)
	c.finish(ctx, err)
	if saveErr := a.save(&c.st); saveErr != nil {
		err = errors.Join(err, saveErr)
	}
	return c.out, err
}

// run goes through the cycle. Each part leaves what it found in c.
func (c *cycle) run(ctx context.Context) (err error) {
	a := c.a
	if c.who, err = a.o.Identity(); err != nil {
		return fmt.Errorf("finding out who this computer is: %w", err)
	}
	if c.local, err = a.localPolicy(); err != nil {
		c.unread = true
		a.o.Log.Error("the computer's own policy was not readable", "error", err)
		c.remarks = append(c.remarks, model.Clean(err.Error()))
	}
	if c.st.Decisions != nil {
		c.policy = obey(c.st.Decisions.Policy, c.local)
	} else {
		c.policy = c.local.Policy
	}
	if err := c.recover(); err != nil {
		return err
	}
	c.refresh(ctx)
	if err := c.detect(ctx); err != nil {
		c.result.Error = model.Clean(err.Error())
		_, reportErr := a.o.Server.Report(ctx, c.compose(nil))
		return errors.Join(err, reportErr)
	}
	if err := c.ask(ctx); err != nil {
		var refusal *model.Refusal
		if errors.As(err, &refusal) {
			return err // the server answered, but not what may be acted on
		}
		c.out.Offline = err
		if err := c.goOnAlone(ctx); err != nil {
			return errors.Join(c.out.Offline, err)
		}
	}
	c.note()
	c.judged = true
	if err := a.save(&c.st); err != nil {
		return err
	}
	changed, err := c.act(ctx)
	if err != nil {
		return err
	}
	if err := c.conclude(ctx, changed); err != nil {
		return err
	}
	if c.out.Offline != nil {
		return fmt.Errorf("asking the server: %w", c.out.Offline)
	}
	return c.blocked
}

// ask is the conversation with the server before anything is done.
func (c *cycle) ask(ctx context.Context) error {
	if err := c.report(ctx); err != nil {
		return err
	}
	if err := c.workOut(ctx, c.approved); err != nil {
		return err
	}
	c.dropFailures()
	return c.decide(ctx, false)
}

// freshLists is the age up to which a woken computer does not refresh its package
// lists again.
const freshLists = time.Hour

// refresh brings the package lists up to date, where we may.
func (c *cycle) refresh(ctx context.Context) {
	a := c.a
	if !a.o.AsRoot || a.o.NoRefresh {
		return
	}
	// Many computers may be woken at once by one approval: it concerns what they
	// reported, which their lists know.
	if age := a.o.Now().Sub(c.st.Refreshed); c.why == woken && age >= 0 && age < freshLists {
		return
	}
	failures, err := a.o.Packages.Refresh(ctx, c.progress)
	switch {
	case err != nil:
		c.result.Refresh = model.Clean(err.Error())
	case len(failures) > 0:
		// A source that failed keeps its old lists: what it would bring is not
		// known, so the administrator is told (peers 6c.2).
		var parts []string
		for _, f := range failures {
			parts = append(parts, f.Source+": "+f.Reason)
		}
		c.result.Refresh = strings.Join(parts, "; ")
	default:
		c.st.Refreshed = a.o.Now().UTC()
	}
	if c.result.Refresh != "" {
		a.o.Log.Warn("package lists were not refreshed", "reason", c.result.Refresh)
	}
}

// detect scans, and notices what others did.
func (c *cycle) detect(ctx context.Context) error {
	a := c.a
	c.progress(model.Progress{Phase: "scanning"})
	c.result.Time = a.o.Now().UTC()
	scan, err := a.o.Packages.Scan(ctx, c.result.Time)
	if err != nil {
		return err
	}
	c.scan = scan
	c.result.ListAge = scan.Lists
	if c.st.Refreshed.After(scan.Lists) {
		c.result.ListAge = c.st.Refreshed
	}
	changes, err := a.foreign(scan.Inventory.Packages, c.own)
	if err != nil {
		return err
	}
	c.st.Foreign = append(c.st.Foreign, changes...)
	if n := len(c.st.Foreign); n > 500 { // the server was away for long
		c.st.Foreign = c.st.Foreign[n-500:]
	}
	if len(changes) > 0 {
		a.o.Log.Warn("packages were changed by others", "changes", model.Clean(strings.Join(changes, ", ")))
	}
	return nil
}

// compose writes the report of what is known now.
func (c *cycle) compose(digest []byte) protocol.Report {
	a := c.a
	r := protocol.Report{Version: protocol.Version, Time: a.o.Now().UTC(), Who: c.who, Scan: c.result, Digest: digest,
		Policy: c.policy, Groups: c.groups(), Mark: c.st.Mark, Failures: c.st.Failures, Foreign: c.st.Foreign, Remarks: c.remarks, NextCheck: c.st.NextCheck}
	if a.o.Local {
		r.NextCheck = time.Time{} // nobody will keep it
	}
	if c.scan == nil {
		return r
	}
	r.Who.Arch = c.scan.Inventory.Arch
	r.Needed, r.Others = c.scan.Needed, c.scan.Others
	r.Restart = a.noteRestart(&c.st, c.scan.Inventory.Packages)
	r.Pending = c.st.Pending
	r.Downloaded = slices.Sorted(maps.Keys(c.st.Downloaded))
	return r
}

// groups are those that the computer asks for. While its own file cannot be read
// it asks for the same as before: a slip of the pen must not take the computer
// out of its groups.
func (c *cycle) groups() []string {
	if c.unread && c.st.Report != nil {
		return c.st.Report.Groups
	}
	return c.local.Groups
}

// report says how the computer stands and learns what the server calls it.
func (c *cycle) report(ctx context.Context) error {
	digest, err := protocol.InventoryDigest(&c.scan.Inventory)
	if err != nil {
		return err
	}
	c.st.NextCheck = model.NextCheckIn(c.a.o.Now(), c.a.o.Rand()).UTC()
	r := c.compose(digest)
	for _, u := range slices.Sorted(maps.Keys(c.closures)) {
		r.Closures = append(r.Closures, c.closures[u])
	}
	if c.st.Report == nil || !bytes.Equal(c.st.Report.Digest, digest) {
		r.Inventory = &c.scan.Inventory
	}
	c.progress(model.Progress{Phase: "reporting"})
	ack, err := c.a.o.Server.Report(ctx, r)
	if err == nil && ack.WantInventory && r.Inventory == nil {
		r.Inventory = &c.scan.Inventory
		ack, err = c.a.o.Server.Report(ctx, r)
	}
	if err != nil {
		return fmt.Errorf("reporting: %w", err)
	}
	if err := protocol.CheckVersion(ack.Version); err != nil {
		return err
	}
	if len(ack.Mark) > 0 {
		c.st.Mark = ack.Mark
	}
	c.known = ack.Updates
	c.out.Report = r
	r.Inventory = nil
	c.st.Report = &r
	c.st.CheckedIn = r.Time
	c.st.Foreign = nil // told
	c.approved = ack.Approved
	return nil
}

// workOut adds the closures of updates to those that are known.
func (c *cycle) workOut(ctx context.Context, updates []model.UpdateID) error {
	list, err := c.a.closures(ctx, updates, c.scan, c.known, c.progress)
	if err != nil {
		return err
	}
	for _, cl := range list {
		c.closures[cl.Update] = cl
	}
	return nil
}

// decide asks what to do. final is the question right before an installation.
func (c *cycle) decide(ctx context.Context, final bool) error {
	for range 3 { // approvals may arrive between two questions
		req := protocol.DecideRequest{Version: protocol.Version, Computer: c.who.ID, Time: c.a.o.Now().UTC(), Final: final}
		for _, u := range slices.Sorted(maps.Keys(c.closures)) {
			req.Closures = append(req.Closures, c.closures[u])
		}
		if c.st.Decisions != nil {
			req.Plan = c.st.Decisions.Plan.Number
		}
		d, err := c.a.o.Server.Decide(ctx, req)
		if err != nil {
			return fmt.Errorf("asking what to do: %w", err)
		}
		if err := c.checkPlan(d); err != nil {
			return err
		}
		c.st.PlanSeen = max(c.st.PlanSeen, d.Plan.Number)
		c.st.Decisions, c.out.Decisions, c.st.Mark = &d, d, d.Mark
		missing := slices.DeleteFunc(slices.Clone(d.Missing), func(u model.UpdateID) bool { _, ok := c.closures[u]; return ok })
		before := len(c.closures)
		if err := c.workOut(ctx, missing); err != nil {
			return err
		}
		if len(c.closures) == before {
			break
		}
	}
	c.policy = obey(c.st.Decisions.Policy, c.local)
	return nil
}

// checkPlan refuses a plan that is not the server's, not for this computer, not
// in force, or older than one that was seen (peers 4c, 4d.5).
func (c *cycle) checkPlan(d protocol.Decisions) error {
	if err := protocol.CheckVersion(d.Version); err != nil {
		return err
	}
	p := d.Plan
	refuse := func(why string) error {
		return &model.Refusal{Code: "plan", What: "the server's plan was refused", Why: why}
	}
	if len(p.Items) == 0 && len(p.Updates) == 0 && p.Number == 0 {
		return nil
	}
	if key := c.a.o.ServerKey; key != nil {
		if err := protocol.VerifyPlan(p, key); err != nil {
			return refuse(err.Error())
		}
	}
	switch {
	case p.Computer != c.who.ID:
		return refuse("it is for the computer " + model.Clean(string(p.Computer)))
	case p.Number < c.st.PlanSeen:
		return refuse(fmt.Sprintf("it has the number %d, but number %d was here before", p.Number, c.st.PlanSeen))
	case !p.Expires.After(c.a.o.Now()):
		return refuse("it expired at " + p.Expires.Format(time.RFC3339))
	}
	for _, it := range p.Items {
		if err := model.CheckPackage(it.Package, it.Arch, it.To); err != nil {
			return refuse(err.Error())
		}
		if it.From != "" && model.CompareDebianVersions(it.To, it.From) <= 0 {
			return refuse(fmt.Sprintf("it would lower %s from %s to %s", it.Package, it.From, it.To))
		}
	}
	return nil
}

// goOnAlone prepares to act without the server, on the plan it gave before: until
// that expires its approvals count (model.PlanLifetime).
func (c *cycle) goOnAlone(ctx context.Context) error {
	c.a.o.Log.Warn("the server was not reached", "error", c.out.Offline)
	if c.st.Decisions == nil || c.st.Report == nil {
		return nil
	}
	c.out.Decisions = *c.st.Decisions
	if c.known == nil {
		// The plan says which packages belong to its updates.
		c.known = map[string]model.UpdateID{}
		for _, it := range c.st.Decisions.Plan.Items {
			c.known[it.Spec()] = it.Update
		}
	}
	var updates []model.UpdateID
	for _, u := range c.st.Decisions.Plan.Updates {
		updates = append(updates, u.Update)
	}
	return c.workOut(ctx, updates)
}

// note remembers when each approval reached this computer, and forgets what is
// not approved any more.
func (c *cycle) note() {
	if c.st.Decisions == nil {
		return
	}
	arrived := map[model.UpdateID]time.Time{}
	for _, p := range c.st.Decisions.Approved {
		if t, ok := c.st.Arrived[p.Update]; ok {
			arrived[p.Update] = t
		} else {
			arrived[p.Update] = c.a.o.Now().UTC()
		}
	}
	c.st.Arrived = arrived
	maps.DeleteFunc(c.st.Downloaded, func(u model.UpdateID, _ string) bool { _, ok := arrived[u]; return !ok })
}

// conclude scans and reports again when something changed, then sees to restart
// and notices.
func (c *cycle) conclude(ctx context.Context, installed bool) error {
	if installed {
		if err := c.detect(ctx); err != nil {
			c.result.Error = model.Clean(err.Error())
			_, reportErr := c.a.o.Server.Report(ctx, c.compose(nil))
			return errors.Join(err, reportErr)
		}
		c.closures = map[model.UpdateID]model.Closure{}
	}
	if c.out.Offline != nil {
		c.a.noteRestart(&c.st, c.scan.Inventory.Packages)
		c.restart(ctx)
		return nil
	}
	if c.a.o.AllClosures {
		all := slices.Sorted(maps.Values(c.known))
		if err := c.workOut(ctx, slices.Compact(all)); err != nil {
			return err
		}
	}
	now := c.compose(nil)
	if last := c.st.Report; installed || c.a.o.AllClosures || !reflect.DeepEqual(now.Policy, last.Policy) || !slices.Equal(now.Downloaded, last.Downloaded) ||
		!reflect.DeepEqual(now.Failures, last.Failures) {
		if err := c.report(ctx); err != nil {
			return fmt.Errorf("reporting what was done: %w", err)
		}
	}
	c.restart(ctx)
	return nil
}

// dropFailures forgets the failures of updates that are not needed any more. One
// whose packages dpkg left half done is not needed either, as apt sees it: that
// failure stays until they are repaired.
func (c *cycle) dropFailures() {
	needed := map[model.UpdateID]bool{}
	for _, u := range c.known {
		needed[u] = true
	}
	broken := map[string]bool{}
	for _, n := range slices.Concat(c.scan.Needed, c.scan.Others) {
		broken[n.Package] = n.State == model.NeedBroken
	}
	c.st.Failures = slices.DeleteFunc(c.st.Failures, func(f model.Failure) bool {
		if needed[f.Update] || slices.ContainsFunc(c.st.Touched[f.Update], func(p string) bool { return broken[p] }) {
			return false
		}
		delete(c.st.Touched, f.Update)
		return true
	})
}

// finish leaves the state as the next cycle wants it, whatever happened.
func (c *cycle) finish(ctx context.Context, err error) {
	c.st.Version = stateVersion
	c.st.Error = ""
	var refusal *model.Refusal
	if err != nil {
		c.st.Error = model.Clean(err.Error())
	}
	if err != nil && (!c.judged || !errors.As(err, &refusal)) {
		// Sooner than a whole cycle, and not all computers at once.
		retry := c.a.o.Now().Add(15*time.Minute + time.Duration(c.a.o.Rand()*float64(30*time.Minute)))
		if c.st.NextCheck.IsZero() || retry.Before(c.st.NextCheck) {
			c.st.NextCheck = retry.UTC()
		}
	}
	if c.judged {
		c.st.Actions = c.out.Actions
		c.plan()
		c.tellUsers(ctx)
	} else if !c.st.Wake.After(c.a.o.Now()) {
		c.st.Wake = time.Time{} // it was missed; the check-in that is tried again makes up for it
	}
	// An event's number must not be given twice, so it is stored before it is sent.
	if err := c.a.save(&c.st); err == nil {
		c.flush(ctx)
	}
}

// plan sets the next time at which something is to be done without being asked.
func (c *cycle) plan() {
	now := c.a.o.Now()
	c.st.Wake = time.Time{}
	earlier := func(t time.Time) {
		if t.After(now) && (c.st.Wake.IsZero() || t.Before(c.st.Wake)) {
			c.st.Wake = t.UTC()
		}
	}
	for _, x := range c.out.Actions {
		earlier(x.At)
	}
	_, at, _ := model.DecideRestart(model.RestartInput{Now: now, Pending: len(c.st.Pending) > 0, Since: c.st.Since.In(now.Location()), Policy: c.policy, LoggedIn: true})
	earlier(at)
	if len(c.st.Pending) > 0 && c.policy.Restart == model.RestartIdle {
		earlier(now.Add(idleCheck))
	}
}

// idleCheck is how often a computer that restarts when nobody is logged in looks
// whether somebody is.
const idleCheck = time.Hour

// event records something that happened; it is sent until it is acknowledged.
func (c *cycle) event(e protocol.Event) {
	c.st.Events++
	e.Version, e.Computer, e.Number, e.Time = protocol.Version, c.who.ID, c.st.Events, c.a.o.Now().UTC()
	if e.Plan == 0 && c.st.Decisions != nil {
		e.Plan = c.st.Decisions.Plan.Number
	}
	c.st.Outbox = append(c.st.Outbox, e)
	if n := len(c.st.Outbox); n > 1000 { // a server that is away for good must not fill the disk
		c.st.Outbox = slices.Delete(c.st.Outbox, 0, n-1000)
	}
}

// flush sends what is waiting, in order, until the server does not answer.
func (c *cycle) flush(ctx context.Context) {
	for len(c.st.Outbox) > 0 {
		if err := c.a.o.Server.Event(ctx, c.st.Outbox[0]); err != nil {
			c.a.o.Log.Warn("events wait for the server", "waiting", len(c.st.Outbox), "error", err)
			return
		}
		c.st.Outbox = slices.Delete(c.st.Outbox, 0, 1)
	}
}
