package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
	"fettle/model/query"
)

// The limits of clutter. From 1,500 superseded updates on it hurts: about where
// WSUS's own trouble begins (semantics 3.8). Below that, what nobody needs and
// nobody approved is worth a word when it is more than a list that is looked
// through by hand.
const (
	supersededLimit = 1500
	clutterLimit    = 100
)

// Notices says what wants attention, the most pressing first. Texts are whole
// sentences with their numbers; what a notice counts is what its query shows.
// Asking for the free space of disks may take a moment: it is not for the
// goroutine of an interface.
func (s *Snapshot) Notices(now time.Time) []model.Notice {
	var out []model.Notice
	add := func(n model.Notice) { out = append(out, n) }
	for _, t := range s.setup.Tasks() {
		if !t.Done {
			add(model.Notice{Kind: "setup", Of: t.Short, Level: model.NoticeSetup, Text: "Run the " + t.Wizard + ": " + t.Purpose + ".", View: "setup-" + t.Short, Remedy: t.Command})
		}
	}
	if !s.loaded || !s.setup.Complete() {
		return out
	}
	// Within a level the order is that of the calls: required updates, failed
	// synchronizations, failures, deadlines, and so on (issue 5).
	s.updateNotices(now, add)
	s.syncNotices(add)
	s.failureNotices(add)
	s.computerNotices(now, add)
	s.decisionNotices(now, add)
	s.productNotices(add)
	s.clutterNotices(add)
	s.spaceNotices(now, add)
	slices.SortStableFunc(out, func(a, b model.Notice) int { return -cmp.Compare(a.Level, b.Level) })
	return out
}

func (s *Snapshot) syncNotices(add func(model.Notice)) {
	for _, u := range s.upstreams {
		n := model.Notice{Of: u.Name, Level: model.NoticeWarning, View: "synchronization", Remedy: "fettle sync"}
		name := model.Clean(u.Name)
		switch r := s.LastRun(u.Name); {
		case r == nil:
			n.Kind, n.Text = "never-synchronized", fmt.Sprintf("The upstream %s was never synchronized.", name)
		case r.Result == model.SyncFailed:
			n.Kind, n.Level, n.Run, n.Text = "sync-failed", model.NoticeError, r.ID, fmt.Sprintf("The last synchronization of %s failed: %s", name, model.Clean(r.Error))
		case r.Result == model.SyncRefused:
			n.Kind, n.Run, n.Remedy, n.Text = "sync-refused", r.ID, "fettle sync history", fmt.Sprintf("The last synchronization of %s brought nothing: %s", name, model.Clean(r.Error))
		case len(r.Failures) > 0:
			n.Kind, n.Run, n.Remedy, n.Text = "sync-items", r.ID, "fettle sync history", fmt.Sprintf("%s could not be imported from %s at the last synchronization.", plural(len(r.Failures), "item"), name)
		default:
			continue
		}
		add(n)
	}
}

// failureNotices tell of updates that fail. They lead to whichever are fewer:
// one bad update on many computers, or one computer on which nothing works.
func (s *Snapshot) failureNotices(add func(model.Notice)) {
	failed := roaring.AndNot(s.open().sets[query.CountedFailed], s.unseen)
	on := roaring.New()
	forEach(failed, func(n uint32) { on.Or(s.tallies.at(n).failed) })
	updates, computers := int(failed.GetCardinality()), int(on.GetCardinality())
	if updates == 0 || computers == 0 {
		return
	}
	n := model.Notice{Kind: "failed", Level: model.NoticeError, View: "updates", Filter: "failed:>0", Rows: updates, Remedy: "fettle updates 'failed:>0'",
		Text: fmt.Sprintf("%s failed on %s.", plural(updates, "update"), plural(computers, "computer"))}
	if computers < updates {
		n.View, n.Filter, n.Rows, n.Remedy = "computers", "failed:>0"+s.managedOnly(), computers, "fettle computers 'failed:>0'"
	}
	add(n)
}

// managedOnly narrows a query on computers to those that are managed, where
// there are others: notices count no others.
func (s *Snapshot) managedOnly() string {
	for _, e := range s.computers.all {
		if e != nil && e.computer.Admission != model.Managed {
			return " !is:waiting !is:rejected"
		}
	}
	return ""
}

func (s *Snapshot) computerNotices(now time.Time, add func(model.Notice)) {
	var managed, never, stale, scans, disabled, restart, waiting, foreign int
	for _, e := range s.computers.all {
		if e == nil {
			continue
		}
		c := e.computer
		if c.Admission == model.Waiting {
			waiting++
		}
		if c.Admission != model.Managed {
			continue
		}
		managed++
		switch {
		case !e.reported:
			never++
		case now.Sub(c.Contacted) > model.StaleAfter:
			stale++
		}
		if c.Scan.Error != "" {
			scans++
		}
		if c.Policy.Mode == model.ModeDisabled {
			disabled++
		}
		if len(c.Pending) > 0 {
			restart++
		}
		if len(c.Foreign) > 0 {
			foreign++
		}
	}
	only := s.managedOnly()
	tell := func(n int, level model.NoticeLevel, kind, one, many, filter string) {
		if n == 0 {
			return
		}
		if kind != "waiting" {
			filter += only
		}
		add(model.Notice{Kind: kind, Level: level, Text: model.Counted(n, one, many), View: "computers", Filter: filter, Rows: n, Remedy: "fettle computers '" + filter + "'"})
	}
	if managed == 0 {
		add(model.Notice{Kind: "no-computer", Level: model.NoticeWarning, Text: "No computer has reported yet.", View: "computers", Remedy: "fettle agent check-in"})
	}
	tell(scans, model.NoticeError, "scan-failed", "computer could not find out which updates it needs.", "computers could not find out which updates they need.", "is:scan-failed")
	tell(stale, model.NoticeWarning, "stale", "computer has not made contact for 30 days.", "computers have not made contact for 30 days.", "why:stale")
	tell(never, model.NoticeWarning, "never-reported", "computer has never reported its status.", "computers have never reported their status.", "why:never-reported")
	tell(waiting, model.NoticeWarning, "waiting", "computer asks to be managed.", "computers ask to be managed.", "is:waiting")
	tell(disabled, model.NoticeWarning, "disabled", "computer has Automatic Updates disabled.", "computers have Automatic Updates disabled.", "is:automatic-updates-disabled")
	tell(restart, model.NoticeWarning, "restart", "computer waits for a restart.", "computers wait for a restart.", "is:restart-pending")
	tell(foreign, model.NoticeInfo, "foreign", "computer had packages installed outside approvals.", "computers had packages installed outside approvals.", "is:changed-by-others")
}

func (s *Snapshot) updateNotices(now time.Time, add func(model.Notice)) {
	tell := func(level model.NoticeLevel, kind, one, many, filter, remedy string) {
		if n := s.matching(filter, now); n > 0 {
			add(model.Notice{Kind: kind, Level: level, Text: model.Counted(n, one, many), View: "updates", Filter: filter, Rows: n, Remedy: remedy})
		}
	}
	tell(model.NoticeError, "required", "required update of Fettle is not approved.", "required updates of Fettle are not approved.",
		"is:required approved:none (needed:>0 or failed:>0)", "fettle approve 'is:required' --group GROUP")
	tell(model.NoticeError, "overdue", "update is past its deadline and still needed.", "updates are past their deadline and still needed.", "is:overdue", "fettle explain COMPUTER UPDATE")
	security := "class:security approved:none (needed:>0 or failed:>0)"
	if !(index{s}).Flag(model.FlagRequired).IsEmpty() {
		security = "!is:required " + security // they have a notice of their own
	}
	tell(model.NoticeWarning, "security", "security update is needed and not approved.", "security updates are needed and not approved.", security, "fettle approve UPDATE... --group GROUP")
	s.withdrawnNotice(add)
}

// matching counts the updates that a query shows.
func (s *Snapshot) matching(filter string, now time.Time) int {
	q, err := query.ParseUpdates(filter)
	if err != nil {
		panic(err) // the queries of notices are constants
	}
	rows, err := q.Filter(context.Background(), s, s.Updates(), now)
	if err != nil {
		return 0 // only a context that ends, or a group that is gone
	}
	return len(rows)
}

// withdrawnNotice tells of approvals that cannot be carried out any more because
// the archive offers a newer version, which nobody approved where it is needed.
// It leads to those versions, because they are what is to be approved.
func (s *Snapshot) withdrawnNotice(add func(model.Notice)) {
	ix := index{s}
	gone := roaring.And(ix.Flag(model.FlagWithdrawn), ix.Approved(model.ActionInstall))
	gone.AndNot(s.unseen)
	successors, n := roaring.New(), 0
	forEach(gone, func(update uint32) {
		found := s.openSuccessors(update, s.approvedFor(update))
		if len(found) > 0 {
			n++
			successors.AddMany(found)
		}
	})
	if n == 0 {
		return
	}
	text := model.Counted(n, "approved update was withdrawn by its archive; approve ", "approved updates were withdrawn by their archive; approve ")
	if n == 1 {
		text += "its successor."
	} else {
		text += "their successors."
	}
	add(model.Notice{Kind: "withdrawn", Level: model.NoticeWarning, Text: text, View: "updates", Filter: s.idFilter(successors.ToArray()), Rows: min(int(successors.GetCardinality()), maxIDs),
		Remedy: "fettle updates 'is:withdrawn approved:any'"})
}

// clutterNotices tell of what makes lists long and helps nobody.
func (s *Snapshot) clutterNotices(add func(model.Notice)) {
	ix := index{s}
	superseded := roaring.AndNot(ix.Flag(model.FlagSuperseded), s.unseen)
	n := model.Notice{Kind: "superseded", Level: model.NoticeWarning, View: "cleanup", Remedy: "fettle cleanup"}
	if c := int(superseded.GetCardinality()); c > supersededLimit {
		n.Text = fmt.Sprintf("%d superseded updates are not declined; more than %d slow down server and computers.", c, supersededLimit)
		add(n)
		return
	}
	clutter := roaring.FastOr(superseded, ix.Flag(model.FlagWithdrawn), ix.Flag(model.FlagExpired))
	open := s.open()
	for _, b := range []*roaring.Bitmap{s.unseen, open.sets[query.CountedNeeded], open.sets[query.CountedFailed], ix.Approved(model.ActionInstall)} {
		clutter.AndNot(b)
	}
	if c := int(clutter.GetCardinality()); c >= clutterLimit {
		n.Kind, n.Level = "clutter", model.NoticeInfo
		n.Text = fmt.Sprintf("%d superseded or withdrawn updates are needed by nobody.", c)
		add(n)
	}
}

// approvedFor gives the Install approvals of an update.
func (s *Snapshot) approvedFor(update uint32) []model.Approval {
	return slices.DeleteFunc(s.Approvals(update), func(a model.Approval) bool { return a.Action != model.ActionInstall })
}

// openSuccessors gives the newer versions of an update that computers of its
// approved groups have still to install and that nobody approved.
func (s *Snapshot) openSuccessors(update uint32, approved []model.Approval) []uint32 {
	var found []uint32
	for _, by := range s.SupersededBy(update) {
		if s.hidden(by) || len(s.approvedFor(by)) > 0 {
			continue
		}
		needing := s.needing(by)
		if slices.ContainsFunc(approved, func(a model.Approval) bool { return needing.Intersects(s.Members(a.Group)) }) {
			found = append(found, by)
		}
	}
	return found
}

// decisionNotices tell what waits for a person: revisions that changed what an
// approval means, proposals, rules that did not run.
func (s *Snapshot) decisionNotices(now time.Time, add func(model.Notice)) {
	open, stale := s.openAlarms()
	stale.AndNot(s.unseen)
	var alarmed []uint32
	for it := open.Iterator(); it.HasNext(); {
		if n := it.Next(); !s.alarms[n].Seen && !s.hidden(n) {
			alarmed = append(alarmed, n)
		}
	}
	if n := len(alarmed); n > 0 {
		add(model.Notice{Kind: "revision-alarm", Level: model.NoticeWarning, View: "updates", Filter: s.idFilter(alarmed), Rows: min(n, maxIDs), Remedy: "fettle acknowledge ID...",
			Text: model.Counted(n, "approved update was revised in what it applies to, its products or its licence.", "approved updates were revised in what they apply to, their products or their licence.")})
	}
	if n := int(stale.GetCardinality()); n > 0 {
		add(model.Notice{Kind: "stale-approval", Level: model.NoticeWarning, View: "updates", Filter: "is:stale", Rows: n, Remedy: "fettle approve is:stale --group GROUP",
			Text: model.Counted(n, "update is approved at an older revision and is not installed until it is approved again.", "updates are approved at an older revision and are not installed until they are approved again.")})
	}
	if n := len(s.proposals); n > 0 {
		add(model.Notice{Kind: "proposals", Level: model.NoticeWarning, View: "pending", Remedy: "fettle pending",
			Text: model.Counted(n, "change waits for the consent of a second person.", "changes wait for the consent of a second person.")})
	}
	if wrong := s.WrongDeclines(); len(wrong) > 0 {
		add(model.Notice{Kind: "wrong-declines", Level: model.NoticeInfo, View: "updates", Filter: "is:declined " + s.idFilter(wrong), Rows: min(len(wrong), maxIDs), Remedy: "fettle reinstate ID...",
			Text: model.Counted(len(wrong), "declined update is needed by computers, and nothing that supersedes it is approved.", "declined updates are needed by computers, and nothing that supersedes them is approved.")})
	}
	for _, u := range s.upstreams {
		s.withheldNotices(u.Name, now, add)
	}
}

// maxIDs is how many updates a query names: a filter that a person may still look
// at.
const maxIDs = 200

// idFilter is the query for some updates, by their identifiers.
func (s *Snapshot) idFilter(numbers []uint32) string {
	slices.Sort(numbers)
	var ids []string
	for _, n := range numbers[:min(len(numbers), maxIDs)] {
		ids = append(ids, string(s.Row(n).ID))
	}
	return "id:" + strings.Join(ids, ",")
}

// withheldNotices tell of rules that did not run over what an initial
// synchronization brought, until they ran over some of it by hand, or would
// approve nothing of it.
func (s *Snapshot) withheldNotices(upstream string, now time.Time, add func(model.Notice)) {
	i := slices.IndexFunc(s.runs, func(r *model.SyncRun) bool {
		return r.Upstream == upstream && slices.ContainsFunc(r.Rules, func(o model.RuleOutcome) bool { return o.Withheld })
	})
	if i < 0 {
		return
	}
	// One that was cut off and resumed is several runs, and the last may have
	// brought nothing that concerns the rule.
	brought := roaring.New()
	for _, r := range s.runs[i:] {
		if r.Upstream == upstream {
			brought.AddMany(r.New)
		}
	}
	for _, o := range s.runs[i].Rules {
		r, ok := s.RuleByName(o.Rule)
		if !o.Withheld || !ok || !r.Enabled {
			continue
		}
		ran := slices.ContainsFunc(s.deployments, func(d *model.Deployment) bool {
			return d.RuleID == r.ID && !d.Undone && slices.ContainsFunc(d.Updates, brought.Contains)
		})
		// Nor is there anything to tell when people decided about all of it.
		if !ran && len(s.RunOf(r, brought.ToArray(), now).Updates) > 0 {
			add(model.Notice{Kind: "rule-withheld", Of: r.Name, Level: model.NoticeInfo, View: "rules", Remedy: "fettle rule run " + quoteArg(r.Name),
				Text: fmt.Sprintf("The rule %s did not run over the initial synchronization of %s; it would have approved %s.", model.Clean(r.Name), model.Clean(upstream), plural(o.Updates, "update"))})
		}
	}
}
