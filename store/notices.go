package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
)

// supersededLimit is from how many superseded updates on clutter hurts: about
// where WSUS's own trouble begins (semantics 3.8).
const supersededLimit = 1500

// Notices says what wants attention, the most pressing first. Texts are whole
// sentences with their numbers.
func (s *Snapshot) Notices(now time.Time) []model.Notice {
	var out []model.Notice
	add := func(n model.Notice) { out = append(out, n) }
	for _, t := range s.setup.Tasks() {
		if !t.Done {
			add(model.Notice{Kind: "setup", Level: model.NoticeSetup, Text: "Run the " + t.Wizard + ": " + t.Purpose + ".", View: "setup-" + t.Short, Remedy: t.Command})
		}
	}
	if !s.loaded || !s.setup.Complete() {
		return out
	}
	s.syncNotices(now, add)
	s.computerNotices(now, add)
	s.updateNotices(now, add)
	s.decisionNotices(now, add)
	s.productNotices(add)
	slices.SortStableFunc(out, func(a, b model.Notice) int { return -cmp.Compare(a.Level, b.Level) })
	return out
}

func (s *Snapshot) syncNotices(now time.Time, add func(model.Notice)) {
	for _, u := range s.upstreams {
		r := s.LastRun(u.Name)
		switch {
		case r == nil:
			add(model.Notice{Kind: "never-synchronized", Level: model.NoticeWarning, View: "synchronization", Remedy: "fettle sync",
				Text: fmt.Sprintf("The upstream %s was never synchronized.", u.Name)})
		case r.Result == model.SyncFailed:
			add(model.Notice{Kind: "sync-failed", Level: model.NoticeError, View: "synchronization", Remedy: "fettle sync",
				Text: fmt.Sprintf("The last synchronization of %s failed: %s", u.Name, model.Clean(r.Error))})
		case r.Result == model.SyncRefused:
			add(model.Notice{Kind: "sync-refused", Level: model.NoticeWarning, View: "synchronization", Remedy: "fettle sync history",
				Text: fmt.Sprintf("The last synchronization of %s brought nothing: %s", u.Name, model.Clean(r.Error))})
		case len(r.Failures) > 0:
			add(model.Notice{Kind: "sync-items", Level: model.NoticeWarning, View: "synchronization", Remedy: "fettle sync history",
				Text: fmt.Sprintf("%s could not be imported from %s at the last synchronization.", plural(len(r.Failures), "item"), u.Name)})
		}
	}
}

func (s *Snapshot) computerNotices(now time.Time, add func(model.Notice)) {
	var managed, never, stale, failed, scans, disabled, restart, waiting, foreign int
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
		if slices.ContainsFunc(e.failed, func(u uint32) bool { return !s.hidden(u) }) {
			failed++
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
	if managed == 0 {
		add(model.Notice{Kind: "no-computer", Level: model.NoticeWarning, Text: "No computer has reported yet.", View: "computers", Remedy: "fettle agent check-in"})
	}
	tell := func(n int, level model.NoticeLevel, kind, one, many, filter string) {
		if n > 0 {
			add(model.Notice{Kind: kind, Level: level, Text: counted(n, one, many), View: "computers", Filter: filter})
		}
	}
	tell(failed, model.NoticeError, "failed", "computer failed to install updates.", "computers failed to install updates.", "failed:>0")
	tell(scans, model.NoticeError, "scan-failed", "computer could not find out which updates it needs.", "computers could not find out which updates they need.", "")
	tell(disabled, model.NoticeWarning, "disabled", "computer has Automatic Updates disabled; nothing is installed on it.", "computers have Automatic Updates disabled; nothing is installed on them.", "is:automatic-updates-disabled")
	tell(never, model.NoticeWarning, "never-reported", "computer has never reported its status.", "computers have never reported their status.", "why:never-reported")
	tell(stale, model.NoticeWarning, "stale", "computer has not made contact for 30 days.", "computers have not made contact for 30 days.", "is:stale")
	tell(restart, model.NoticeWarning, "restart", "computer waits for a restart.", "computers wait for a restart.", "is:restart-pending")
	tell(waiting, model.NoticeWarning, "waiting", "computer asks to be managed.", "computers ask to be managed.", "is:waiting")
	tell(foreign, model.NoticeInfo, "foreign", "computer had packages installed outside approvals.", "computers had packages installed outside approvals.", "is:changed-by-others")
}

func (s *Snapshot) updateNotices(now time.Time, add func(model.Notice)) {
	var required, overdue, withdrawn, superseded, security int
	for n, e := range s.rows.all {
		if e == nil || s.hidden(n) {
			continue
		}
		r := e.row
		approved := s.approvedFor(n)
		needed := s.tallies.at(n)
		anyNeed := needed != nil && !s.needing(n).IsEmpty()
		switch {
		case r.Has(model.FlagRequired) && anyNeed && len(approved) == 0:
			required++
		case anyNeed && r.Class == model.ClassSecurity && len(approved) == 0:
			security++
		}
		if r.Has(model.FlagSuperseded) && !r.Has(model.FlagWithdrawn) {
			superseded++
		}
		if r.Has(model.FlagWithdrawn) && len(approved) > 0 && s.openSomewhere(n, approved) {
			withdrawn++
		}
		if anyNeed && slices.ContainsFunc(approved, func(a model.Approval) bool { return !a.Deadline.IsZero() && a.Deadline.Before(now) }) {
			overdue++
		}
	}
	tell := func(n int, level model.NoticeLevel, kind, one, many, filter string) {
		if n > 0 {
			add(model.Notice{Kind: kind, Level: level, Text: counted(n, one, many), View: "updates", Filter: filter})
		}
	}
	tell(required, model.NoticeError, "required", "required update of Fettle is not approved.", "required updates of Fettle are not approved.", "is:required")
	tell(overdue, model.NoticeError, "overdue", "update is past its deadline and still needed.", "updates are past their deadline and still needed.", "is:overdue")
	tell(security, model.NoticeWarning, "security", "security update is needed and not approved.", "security updates are needed and not approved.", "class:security needed:>0 approved:none")
	tell(withdrawn, model.NoticeWarning, "withdrawn", "approved update was withdrawn by its archive; approve its successor.", "approved updates were withdrawn by their archive; approve their successors.", "is:withdrawn approved:any")
	if superseded > supersededLimit {
		tell(superseded, model.NoticeInfo, "superseded", "superseded update is not declined.", fmt.Sprintf("superseded updates are not declined; more than %d slow down server and computers.", supersededLimit), "is:superseded")
	}
}

// approvedFor gives the Install approvals of an update.
func (s *Snapshot) approvedFor(update uint32) []model.Approval {
	return slices.DeleteFunc(s.Approvals(update), func(a model.Approval) bool { return a.Action != model.ActionInstall })
}

// openSomewhere says whether a computer of the approved groups has a newer
// version of the update still to install: its successor wants an approval.
func (s *Snapshot) openSomewhere(update uint32, approved []model.Approval) bool {
	for _, by := range s.SupersededBy(update) {
		if s.hidden(by) || len(s.approvedFor(by)) > 0 {
			continue
		}
		needing := s.needing(by)
		for _, a := range approved {
			if needing.Intersects(s.Members(a.Group)) {
				return true
			}
		}
	}
	return false
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
		add(model.Notice{Kind: "revision-alarm", Level: model.NoticeWarning, View: "updates", Filter: s.idFilter(alarmed), Remedy: "fettle acknowledge ID...",
			Text: counted(n, "approved update was revised in what it applies to, its products or its licence.", "approved updates were revised in what they apply to, their products or their licence.")})
	}
	if n := int(stale.GetCardinality()); n > 0 {
		add(model.Notice{Kind: "stale-approval", Level: model.NoticeWarning, View: "updates", Filter: "is:stale", Remedy: "fettle approve is:stale --group GROUP",
			Text: counted(n, "update is approved at an older revision and is not installed until it is approved again.", "updates are approved at an older revision and are not installed until they are approved again.")})
	}
	if n := len(s.proposals); n > 0 {
		add(model.Notice{Kind: "proposals", Level: model.NoticeWarning, View: "journal", Remedy: "fettle pending",
			Text: counted(n, "change waits for the consent of a second person.", "changes wait for the consent of a second person.")})
	}
	if wrong := s.WrongDeclines(); len(wrong) > 0 {
		add(model.Notice{Kind: "wrong-declines", Level: model.NoticeInfo, View: "updates", Filter: "is:declined " + s.idFilter(wrong), Remedy: "fettle reinstate ID...",
			Text: counted(len(wrong), "declined update is needed by computers, and nothing that supersedes it is approved.", "declined updates are needed by computers, and nothing that supersedes them is approved.")})
	}
	for _, u := range s.upstreams {
		s.withheldNotices(u.Name, now, add)
	}
}

// idFilter is the query for some updates, by their identifiers.
func (s *Snapshot) idFilter(numbers []uint32) string {
	const most = 200 // a filter that a person may still look at
	slices.Sort(numbers)
	var ids []string
	for _, n := range numbers[:min(len(numbers), most)] {
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
			add(model.Notice{Kind: "rule-withheld", Level: model.NoticeInfo, View: "rules", Remedy: "fettle rule run " + quoteArg(r.Name),
				Text: fmt.Sprintf("The rule %s did not run over the initial synchronization of %s; it would have approved %s.", model.Clean(r.Name), model.Clean(upstream), plural(o.Updates, "update"))})
		}
	}
}
