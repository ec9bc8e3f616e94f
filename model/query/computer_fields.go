package query

import (
	"net/netip"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
)

type computerTest = test[*model.Computer]

// silence completes the fields that ask how long a computer was silent.
var silence = []Suggestion{{">7d", "more than 7 days ago, or never"}, {"<1h", "within the last hour"}, {"never", "never"}}

func newComputerSubject() *subject[*model.Computer] {
	count := func(name, meaning, example string, get func(t *model.UpdateTotals) int) field[*model.Computer] {
		return field[*model.Computer]{
			FieldHelp: FieldHelp{name, meaning, example}, words: counting,
			build: numbers(costCounts, parseNumber, func(e *env, c *model.Computer) int64 { return int64(get(e.totalsOf(c))) }),
		}
	}
	platforms := []Suggestion{{"unknown", "not known"}, {"linux", "a Linux computer"}, {"windows", "a Windows computer"}}
	roles := []Suggestion{{"unknown", "not known"}, {"client", "a client"}, {"server", "a server"}}
	states := []Suggestion{
		{"ok", "all updates are known to be installed or not applicable"}, {"no-status", "something has not been reported, and nothing needed or failed"},
		{"needed", "needs at least one update, and none failed"}, {"failed", "at least one update failed"},
	}
	reasons := []Suggestion{
		{"never-reported", "it has never reported"}, {"stale", "it has been silent for 30 days"}, {"newer-than-report", "updates are newer than its last report"},
	}
	modes := []Suggestion{
		{"scheduled", "installs at its scheduled time"}, {"download", "downloads and asks"}, {"notify", "only tells its user"}, {"disabled", "installs nothing"},
	}
	s := newSubject("computers", []field[*model.Computer]{
		{FieldHelp: FieldHelp{"name", "its name; a star stands for any ending or beginning", "name:web*"},
			build: texts(costList, modeExact, func(c *model.Computer) string { return c.Name })},
		{FieldHelp: FieldHelp{"address", "one of its addresses, or a network", "address:10.1.0.0/16"}, build: buildAddress},
		{FieldHelp: FieldHelp{"os", "the beginning of a word in the name of its operating system", `os:"debian gnu/linux 12"`},
			build: texts(costText, modeWord, func(c *model.Computer) string { return c.OS })},
		{FieldHelp: FieldHelp{"platform", "linux or windows", "platform:linux"}, words: platforms,
			build: enum(costFlag, platforms, nil, false, func(_ *env, c *model.Computer) int { return int(c.Platform) })},
		{FieldHelp: FieldHelp{"arch", "its architecture", "arch:amd64"},
			build: texts(costList, modeExact, func(c *model.Computer) string { return c.Arch })},
		{FieldHelp: FieldHelp{"version", "version of its agent", "version:0.9*"},
			build: texts(costList, modeExact, func(c *model.Computer) string { return c.Agent })},
		{FieldHelp: FieldHelp{"group", "group that it belongs to, directly or through groups below; group:=NAME directly only", `group:"Web Servers"`}, names: namesGroups, build: buildGroup},
		{FieldHelp: FieldHelp{"role", "server or client", "role:server"}, words: roles,
			build: enum(costFlag, roles, nil, false, func(_ *env, c *model.Computer) int { return int(c.Role) })},
		count("needed", "updates that it needs", "needed:>10", func(t *model.UpdateTotals) int { return t.Needed }),
		count("failed", "updates that failed on it", "failed:>0", func(t *model.UpdateTotals) int { return t.Failed }),
		count("installed", "updates that it has", "installed:>0", func(t *model.UpdateTotals) int { return t.Installed }),
		count("no-status", "updates that it has not reported on", "no-status:>0", func(t *model.UpdateTotals) int { return t.Unknown }),
		count("pending-restart", "updates that wait for its restart", "pending-restart:>0", func(t *model.UpdateTotals) int { return t.Pending }),
		{FieldHelp: FieldHelp{"needs", "it needs an update that fits a query on updates (or failed to install one)", "needs:(severity:critical is:exploited)"}, nested: true, build: buildNeeds},
		{FieldHelp: FieldHelp{"contact", "time since its last contact; never", "contact:>2d"}, words: silence,
			build: since(func(c *model.Computer) time.Time { return c.Contacted })},
		{FieldHelp: FieldHelp{"reported", "time since its last status report; never", "reported:>30d"}, words: silence,
			build: since(func(c *model.Computer) time.Time { return c.Reported })},
		{FieldHelp: FieldHelp{"status", "how it stands: failed, needed, no-status or ok, the first that holds", "status:failed,needed"}, words: states,
			build: enum(costCounts, states, nil, false, func(e *env, c *model.Computer) int { return int(e.w.ComputerState(c.Number)) })},
		{FieldHelp: FieldHelp{"why", "why it has no status", "why:stale"}, words: reasons,
			build: relative(enum(costCounts, reasons, nil, false, func(e *env, c *model.Computer) int {
				return int(e.w.Unknown(c.Number, e.now)) - int(model.UnknownNeverReported)
			}))},
		{FieldHelp: FieldHelp{"mode", "Automatic Updates mode that it obeys", "mode:disabled"}, words: modes,
			build: enum(costFlag, modes, nil, false, func(_ *env, c *model.Computer) int { return int(c.Policy.Mode) - int(model.ModeScheduled) })},
		isComputerField(),
	})
	s.bare = bareComputer
	s.synonyms = map[string]string{
		"in": "group:", "ip": "address:", "host": "name:", "hostname": "name:", "computer": "name:", "seen": "contact:", "last-seen": "contact:", "agent": "version:",
		"architecture": "arch:", "state": "status:", "restart": "is:restart-pending", "pending": "pending-restart:", "errors": "failed:", "unknown": "no-status:", "needing": "needs:",
		"stale": "is:stale", "unassigned": "is:unassigned",
	}
	return s
}

// bareComputer searches name and addresses.
func bareComputer(_ *binder, t *term) (computerTest, cost, *Error) {
	p := newPattern(t.values[0], modeContains)
	return func(_ *env, c *model.Computer) bool { return p.match(c.Name) || p.any(c.Addresses) }, costWord, nil
}

// relative marks a term that the passing of time can change.
func relative[R any](build func(*binder, *term) (test[R], cost, *Error)) func(*binder, *term) (test[R], cost, *Error) {
	return func(b *binder, t *term) (test[R], cost, *Error) {
		b.relative = true
		return build(b, t)
	}
}

// buildAddress takes addresses and networks.
func buildAddress(b *binder, t *term) (computerTest, cost, *Error) {
	var networks []netip.Prefix
	for _, v := range t.values {
		if n, err := netip.ParsePrefix(v.text); err == nil && !v.starred() {
			networks = append(networks, n)
		}
	}
	match, c, err := lists(costList, func(c *model.Computer) []string { return c.Addresses })(b, t)
	if err != nil || len(networks) == 0 {
		return match, c, err
	}
	return func(e *env, c *model.Computer) bool {
		for _, s := range c.Addresses {
			a, err := netip.ParseAddr(s)
			if err != nil {
				continue
			}
			a = a.WithZone("").Unmap()
			for _, n := range networks {
				if n.Contains(a) {
					return true
				}
			}
		}
		return match(e, c)
	}, costText, nil
}

func buildGroup(b *binder, t *term) (computerTest, cost, *Error) {
	slots, err := groupSlots(b, t)
	if err != nil {
		return nil, 0, err
	}
	var own, all []int
	for i, v := range t.values {
		if v.op == opEqual {
			own = append(own, slots[i])
		} else {
			all = append(all, slots[i])
		}
	}
	belongs := func(e *env, slots []int, of []model.GroupID) bool {
		for _, s := range slots {
			for _, g := range e.res.groups[s] {
				if slices.Contains(of, g) {
					return true
				}
			}
		}
		return false
	}
	if len(own) == 0 {
		b.narrow = func(e *env) (*roaring.Bitmap, bool) {
			var sets []*roaring.Bitmap
			for _, s := range all {
				for _, g := range e.res.groups[s] {
					sets = append(sets, e.ix.Members(g))
				}
			}
			return roaring.FastOr(sets...), true
		}
	}
	return func(e *env, c *model.Computer) bool {
		return len(all) > 0 && belongs(e, all, e.w.GroupsOf(c.Number)) || len(own) > 0 && belongs(e, own, e.w.OwnGroups(c.Number))
	}, costApproval, nil
}

// since builds a field that asks how long ago something was. What never was is
// longer ago than anything: whoever looks for silent computers wants those too.
func since(get func(*model.Computer) time.Time) func(*binder, *term) (computerTest, cost, *Error) {
	return func(b *binder, t *term) (computerTest, cost, *Error) {
		never := false
		var slots []int
		for i := range t.values {
			v := &t.values[i]
			if !v.op.compares() && v.keyword("never") {
				v.op, never = opNone, true
				continue
			}
			got, err := instant(b, t.field, v, false)
			if err != nil {
				return nil, 0, err
			}
			slots = append(slots, got)
		}
		return func(e *env, c *model.Computer) bool {
			at := get(c)
			return never && at.IsZero() || e.within(slots, at)
		}, costTime, nil
	}
}

// buildNeeds asks a query on updates about each update that a computer needs.
// A Filter asks about each update once, whatever the number of computers.
func buildNeeds(b *binder, t *term) (computerTest, cost, *Error) {
	slot := len(b.subs)
	q := t.sub
	b.subs = append(b.subs, q)
	b.relative, b.groups = b.relative || q.TimeDependent(), b.groups || q.UsesGroups()
	return func(e *env, c *model.Computer) bool {
		// Computers that are not managed take no part in counts.
		if e.ix != nil && e.ix.Members(model.GroupAll).Contains(c.Number) {
			return e.needing(slot, q).Contains(c.Number)
		}
		sub := e.subs[slot]
		for _, n := range e.w.NeededBy(c.Number) {
			if slot < len(e.verdicts) && int(n) < len(e.verdicts[slot]) && e.verdicts[slot][n] != 0 {
				if e.verdicts[slot][n] > 0 {
					return true
				}
				continue
			}
			r := e.w.Row(n)
			if r == nil {
				continue
			}
			sub.next()
			fits := q.q.test == nil || q.q.test(sub, r)
			if slot < len(e.verdicts) && n < maxRemembered {
				e.verdicts[slot] = remember(e.verdicts[slot], n, fits)
			}
			if fits {
				return true
			}
		}
		return false
	}, costNeeds, nil
}

// maxRemembered bounds what a Filter remembers of updates: numbers are dense,
// and ten million are a hundred catalogues.
const maxRemembered = 10_000_000

func remember(verdicts []int8, n uint32, fits bool) []int8 {
	if grow := int(n) + 1 - len(verdicts); grow > 0 {
		verdicts = append(verdicts, make([]int8, grow)...)
	}
	verdicts[n] = -1
	if fits {
		verdicts[n] = 1
	}
	return verdicts
}

// isComputerField is is: with its words.
func isComputerField() field[*model.Computer] {
	word := func(name, meaning string, t computerTest) isWord[*model.Computer] {
		return isWord[*model.Computer]{Suggestion: Suggestion{name, meaning}, cost: costFlag, test: t}
	}
	// The same rule as why:stale, so that the two never differ.
	stale := word("stale", "it has been silent for 30 days", func(e *env, c *model.Computer) bool {
		return e.w.Unknown(c.Number, e.now) == model.UnknownStale
	})
	stale.relative = true
	unassigned := word("unassigned", "it belongs to no group made by an administrator", func(e *env, c *model.Computer) bool {
		return slices.Contains(e.w.GroupsOf(c.Number), model.GroupUnassigned)
	})
	unassigned.narrow = func(e *env) (*roaring.Bitmap, bool) { return e.ix.Members(model.GroupUnassigned), true }
	stale.cost, unassigned.cost, unassigned.groups = costCounts, costApproval, true
	return isField("a fact about it: restart-pending, stale, unassigned and so on", "is:restart-pending", []isWord[*model.Computer]{
		word("restart-pending", "it must restart", func(_ *env, c *model.Computer) bool { return len(c.Pending) > 0 }),
		stale,
		unassigned,
		word("rejected", "an administrator rejected it", func(_ *env, c *model.Computer) bool { return c.Admission == model.Rejected }),
		word("waiting", "it asked to be enrolled", func(_ *env, c *model.Computer) bool { return c.Admission == model.Waiting }),
		word("automatic-updates-disabled", "Automatic Updates are disabled on it", func(_ *env, c *model.Computer) bool { return c.Policy.Mode == model.ModeDisabled }),
		word("scan-failed", "it could not find out which updates it needs", func(_ *env, c *model.Computer) bool { return c.Scan.Error != "" }),
		word("changed-by-others", "packages were installed on it outside approvals", func(_ *env, c *model.Computer) bool { return len(c.Foreign) > 0 }),
	})
}
