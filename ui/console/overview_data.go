package console

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
)

// updateView is one of the views of the Overview: a query on updates with a
// name, of which those are counted that are needed or failed.
type updateView struct {
	title  string
	filter string
	class  model.Classification // of which the view is, if it is one of a classification
}

// updateViews are the views of the Overview, in the order of issue 5.
var updateViews = []updateView{
	{title: "Critical Updates", filter: "class:critical", class: model.ClassCritical},
	{title: "Security Updates", filter: "class:security", class: model.ClassSecurity},
	{title: "Definition Updates", filter: "class:definition", class: model.ClassDefinition},
	{title: "All Updates", filter: ""},
	{title: "Needed", filter: "needed:>0"},
	{title: "Unapproved", filter: "approved:none"},
	{title: "Failed", filter: "failed:>0"},
}

// open is the query that Enter opens: the updates that are counted, or all of
// the view when none is.
func (v viewCount) open() string {
	switch {
	case v.needed+v.failed == 0, v.filter == "needed:>0", v.filter == "failed:>0":
		return v.filter
	case v.filter == "":
		return "needed:>0 or failed:>0"
	}
	return v.filter + " (needed:>0 or failed:>0)"
}

// overviewData is what the Overview shows, of one snapshot.
type overviewData struct {
	snap        *store.Snapshot
	notices     []model.Notice
	managed     int
	bases       [2]baseCount // by base: all updates, and approved ones only
	decide      int          // updates that are to be decided
	views       []viewCount
	groups      []groupCount
	deployments []deploymentCount
	older       bool // there are more deployments than were looked at
	trend       []model.DayCount
}

// viewCount is how many updates a view has.
type viewCount struct {
	updateView
	updates, needed, failed int
	counted                 int // needed or failed
}

// base says over which updates computers are counted: the two of semantics 3.6,
// which are never mixed. Both are computed, so that changing it is one key.
type base int

const (
	ofAll      base = iota // all updates that are not declined
	ofApproved             // those that are approved for the computer
)

// baseCount is how all computers stand over one base.
type baseCount struct {
	split   [4]int
	updates int
	known   int
	unknown [4]int // why the others are not known, by model.UnknownReason
}

// label names the base.
func (b baseCount) label(of base) string {
	switch {
	case of == ofAll:
		return "of all updates"
	case b.updates == 1:
		return "of 1 approved update"
	}
	return "of " + count(b.updates) + " approved updates"
}

// reasons counts why the status of computers is not known: three different
// things, which are never added up without saying so (semantics 3.7).
func (b baseCount) reasons() string {
	var words []string
	for why, text := range unknownTexts {
		if b.unknown[why] > 0 && text != "" {
			words = append(words, text+" "+count(b.unknown[why]))
		}
	}
	return strings.Join(words, ", ")
}

// groupCount is how a group stands.
type groupCount struct {
	id      model.GroupID
	name    string
	depth   int
	members int
	split   [2][4]int // by base
}

// compliance is the share of a group's computers that need nothing; those of
// which it is not known do not count as compliant.
func (g groupCount) compliance(of base) string {
	if g.members == 0 {
		return "-"
	}
	return percent(100 * float64(g.split[of][model.ComputerOK]) / float64(g.members))
}

// deploymentCount is how far a deployment is.
type deploymentCount struct {
	deployment *model.Deployment
	total      store.Pairs
}

// done says whether nothing of it is outstanding that is known of.
func (d deploymentCount) done() bool {
	return d.total.Failed+d.total.Pending+d.total.Waiting == 0 && d.total.Why.Newer+d.total.Why.Never+d.total.Why.Stale == 0
}

// looked is how many deployments are looked at, the newest first: following one
// costs as much as what it concerns.
const looked = 50

func newOverviewData(ctx context.Context, snap *store.Snapshot, s scribe) overviewData {
	now := s.now
	d := overviewData{snap: snap, notices: snap.Notices(now)}
	if !snap.Loaded() || !snap.Setup().Complete() {
		return d
	}
	approvedBases := snap.Bases()
	d.managed = int(snap.Members(model.GroupAll).GetCardinality())
	d.bases = countBases(snap, now, approvedBases[model.GroupAll])
	d.decide = len(snap.Triage(now).Queue)
	d.views = countViews(ctx, snap, now)
	for _, id := range snap.Groups().Order() {
		g := snap.Groups().Group(id)
		n := groupCount{id: id, name: model.Clean(g.Name), depth: snap.Groups().Depth(id), members: int(snap.Members(id).GetCardinality())}
		if n.members == 0 && g.Predefined() && id != model.GroupAll {
			continue // there are no such computers
		}
		n.split = [2][4]int{ofAll: snap.Split(id), ofApproved: approvedBases[id].Split}
		d.groups = append(d.groups, n)
	}
	d.deployments, d.older = countDeployments(ctx, snap, now)
	// The days are those of the server, where they were counted; the one that is
	// not over is as it stands now.
	today := snap.CountDay(s.serverNow())
	for _, c := range snap.Trend() {
		if c.Day < today.Day {
			d.trend = append(d.trend, c)
		}
	}
	if today.Managed > 0 {
		d.trend = append(d.trend, today)
	}
	return d
}

// countViews counts by the very queries that the views open, so that a number
// and its list cannot differ.
func countViews(ctx context.Context, snap *store.Snapshot, now time.Time) []viewCount {
	all := snap.Updates()
	needed, failed := snap.Index().Counted(query.CountedNeeded, model.GroupAll), snap.Index().Counted(query.CountedFailed, model.GroupAll)
	counts := make([]viewCount, len(updateViews))
	for i, v := range updateViews {
		c := &counts[i]
		c.updateView = v
		q, err := query.ParseUpdates(v.filter)
		if err != nil {
			continue // they are constants, which a test parses
		}
		rows, err := q.Filter(ctx, snap, all, now)
		if err != nil {
			return counts // the context ended: another answer comes
		}
		c.updates = len(rows)
		for _, r := range rows {
			n, f := needed.Contains(r.Number), failed.Contains(r.Number)
			if n {
				c.needed++
			}
			if f {
				c.failed++
			}
			if n || f {
				c.counted++
			}
		}
	}
	return counts
}

// countDeployments follows the newest deployments: those in progress first, then
// those that are done.
func countDeployments(ctx context.Context, snap *store.Snapshot, now time.Time) (all []deploymentCount, older bool) {
	for _, dep := range snap.Deployments() {
		if len(all) == looked || ctx.Err() != nil {
			older = true
			break
		}
		if p := snap.Progress(dep.ID, now); p != nil && !dep.Undone {
			all = append(all, deploymentCount{dep, p.Total})
		}
	}
	slices.SortStableFunc(all, func(a, b deploymentCount) int {
		switch x, y := a.done(), b.done(); {
		case x == y:
			return 0
		case x:
			return 1
		}
		return -1
	})
	return all, older
}

// countBases counts all computers over both bases.
func countBases(snap *store.Snapshot, now time.Time, approved store.Basis) (bases [2]baseCount) {
	all, silent := snap.Members(model.GroupAll), roaring.New()
	for it := all.Iterator(); it.HasNext(); {
		n := it.Next()
		st := snap.ComputerState(n)
		if bases[ofAll].split[st]++; st == model.ComputerNoStatus {
			silent.Add(n)
		}
	}
	bases[ofApproved] = baseCount{split: approved.Split, updates: approved.Updates}
	for i, set := range []*roaring.Bitmap{ofAll: silent, ofApproved: approved.NoStatus} {
		bases[i].known = int(all.GetCardinality()) - bases[i].split[model.ComputerNoStatus]
		if set != nil {
			for it := set.Iterator(); it.HasNext(); {
				bases[i].unknown[snap.Unknown(it.Next(), now)]++
			}
		}
	}
	return bases
}
