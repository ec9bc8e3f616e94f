package store

import (
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
	"fettle/model/query"
)

// Snapshot is an immutable view of the store, numbered by the change sequence.
// It is safe for concurrent use. Slices and pointers that it hands out are
// shared: do not change them.
type Snapshot struct {
	store  *Store
	seq    uint64
	loaded bool
	visit  time.Time

	setup      model.Setup
	settings   model.Settings
	upstreams  []model.Upstream
	categories map[model.CategoryID]model.Category

	rows     vector[*updateEntry] // by update number; 0 is unused
	declined *roaring.Bitmap
	outside  *roaring.Bitmap // outside the selected products and classifications
	unseen   *roaring.Bitmap // declined or outside: takes no part in counts
	removed  *roaring.Bitmap // removed by cleanup; outside, too
	whole    *roaring.Bitmap // of these, whose records are still whole on the disk
	ready    *roaring.Bitmap // updates all of whose files the content store has
	trim     *roaring.Bitmap // updates whose older revisions are still to be removed from the disk

	computers vector[*computerEntry] // by computer number; 0 is unused
	managed   *roaring.Bitmap
	tallies   vector[*tally] // by update number

	tree    *model.GroupTree
	matched map[model.GroupID]*roaring.Bitmap // by the group's formula
	members map[model.GroupID]*roaring.Bitmap // effective

	requested map[string]*roaring.Bitmap // by lower-case name of a group: who asks for it; nil unless computers name their groups

	options   model.Options
	rules     []*model.Rule                   // in the order of their making
	ruling    bool                            // the mark of what rules have seen exists
	ruled     uint32                          // rules have seen the updates up to this number
	licences  map[uint32]licence              // accepted, by update; replaced, never changed
	alarms    map[uint32]*model.RevisionAlarm // by update; replaced, never changed
	proposals []*model.Proposal               // by number, ascending
	postponed map[uint32]*model.Postponement  // by update, in force or not; replaced, never changed

	ruleNumber     uint64 // the last number given to a rule
	proposalNumber uint64 // the last number given to a proposal

	deployments []*model.Deployment // by ID, ascending
	layers      map[model.GroupID][]layer

	runs    []*model.SyncRun // newest first
	trend   []model.DayCount // by day, ascending; replaced, never changed
	journal journalHead
	plans   uint64 // the last installation plan number reserved

	groupNumber    uint64 // the last number given to a group made by hand
	computerNumber uint32 // the highest number ever given to a computer

	derived *derived // computed on demand, for this snapshot and those like it
}

// updateEntry is what memory keeps of one update.
type updateEntry struct {
	row          *model.UpdateRow
	digest       digest
	supersedes   []uint32
	supersededBy []uint32
	children     []uint32 // updates that it bundles, as far as they are in the catalogue
	claims       []uint32 // what it names as superseded, as slots of the lineage
	parts        []uint32 // what it names as bundled, as slots of the lineage
	debian       bool
}

// computerEntry is what memory keeps of one computer.
type computerEntry struct {
	computer   *model.Computer
	reported   bool
	computed   time.Time
	evaluated  uint32
	needed     []uint32
	downloaded []uint32
	failed     []uint32
	pending    []uint32
	installed  *roaring.Bitmap
}

// Seq is the change sequence: it grows with every commit.
func (s *Snapshot) Seq() uint64 { return s.seq }

// Loaded says whether the catalogue and the computers are in memory yet.
func (s *Snapshot) Loaded() bool { return s.loaded }

// WithVisit gives the same view for somebody whose last visit was at t: it
// decides what the query `is:new` means.
func (s *Snapshot) WithVisit(t time.Time) *Snapshot {
	c := *s
	c.visit = t
	return &c
}

// LastVisit is the time given to WithVisit.
func (s *Snapshot) LastVisit() time.Time { return s.visit }

// Setup says how far the essential configuration is.
func (s *Snapshot) Setup() model.Setup { return s.setup }

// Settings are what the Updates Management Configuration Wizard decided.
func (s *Snapshot) Settings() model.Settings { return s.settings }

// Upstreams are the configured upstreams, by name.
func (s *Snapshot) Upstreams() []model.Upstream { return s.upstreams }

// Category gives a product or what groups products.
func (s *Snapshot) Category(id model.CategoryID) (model.Category, bool) {
	c, ok := s.categories[id]
	return c, ok
}

// Categories gives all categories, by title.
func (s *Snapshot) Categories() []model.Category {
	all := make([]model.Category, 0, len(s.categories))
	for _, c := range s.categories {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b model.Category) int {
		if c := strings.Compare(a.Title, b.Title); c != 0 {
			return c
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
	return all
}

// Updates gives the list form of every update that the selection of products
// and classifications lets through, declined ones included, by number.
func (s *Snapshot) Updates() []*model.UpdateRow { return slices.Clip(s.listing().list) }

// UpdateCount is the number of updates in the catalogue, selected or not;
// those that cleanup removed are not in it.
func (s *Snapshot) UpdateCount() int {
	return max(0, s.rows.len()-1-int(s.removed.GetCardinality()))
}

// Row gives the list form of an update, or nil.
func (s *Snapshot) Row(number uint32) *model.UpdateRow {
	if e := s.rows.at(number); e != nil {
		return e.row
	}
	return nil
}

// RowByID gives the list form of an update, or nil.
func (s *Snapshot) RowByID(id model.UpdateID) *model.UpdateRow {
	n, ok := s.store.ids.number(string(id))
	if r := s.Row(n); ok && r != nil && r.ID == id {
		return r
	}
	return nil
}

// Supersedes gives the numbers of the updates that an update supersedes.
func (s *Snapshot) Supersedes(number uint32) []uint32 {
	if e := s.rows.at(number); e != nil {
		return e.supersedes
	}
	return nil
}

// SupersededBy gives the numbers of the updates that supersede an update, the
// newest first.
func (s *Snapshot) SupersededBy(number uint32) []uint32 {
	if e := s.rows.at(number); e != nil {
		return e.supersededBy
	}
	return nil
}

// Computers gives every computer, by number, those that wait or were rejected
// included.
func (s *Snapshot) Computers() []*model.Computer {
	all := make([]*model.Computer, 0, s.computers.len())
	for _, e := range s.computers.all {
		if e != nil {
			all = append(all, e.computer)
		}
	}
	return all
}

// Computer gives a computer by number, or nil.
func (s *Snapshot) Computer(number uint32) *model.Computer {
	if e := s.computers.at(number); e != nil {
		return e.computer
	}
	return nil
}

// ComputerByID gives a computer by its identifier, or nil.
func (s *Snapshot) ComputerByID(id model.ComputerID) *model.Computer {
	if n, ok := s.store.computerIDs.number(string(id)); ok {
		if c := s.Computer(n); c != nil && c.ID == id {
			return c
		}
	}
	return nil
}

// ComputerByName gives the computer of that name or identifier, or nil; case
// does not matter.
func (s *Snapshot) ComputerByName(name string) *model.Computer {
	for _, e := range s.computers.all {
		if e != nil && (strings.EqualFold(e.computer.Name, name) || string(e.computer.ID) == name) {
			return e.computer
		}
	}
	return nil
}

// Groups gives all groups with their places.
func (s *Snapshot) Groups() *model.GroupTree { return s.tree }

var empty = roaring.New()

// Members gives the numbers of the managed computers that belong to a group:
// its own, those that its formula matches and those of its subgroups, without
// those excluded.
func (s *Snapshot) Members(group model.GroupID) *roaring.Bitmap {
	if m := s.members[group]; m != nil {
		return m
	}
	return empty
}

// OwnGroups gives the groups that a computer belongs to directly: put there by
// hand or matched by the formula.
func (s *Snapshot) OwnGroups(computer uint32) []model.GroupID {
	var ids []model.GroupID
	for _, id := range s.tree.Order() {
		g := s.tree.Group(id)
		var byHand bool
		if s.requested == nil || g.Predefined() {
			_, byHand = slices.BinarySearch(g.Members, computer)
		} else if m := s.requested[strings.ToLower(g.Name)]; m != nil {
			byHand = m.Contains(computer)
		}
		_, excluded := slices.BinarySearch(g.Excluded, computer)
		byFormula := s.matched[id] != nil && s.matched[id].Contains(computer)
		unassigned := id == model.GroupUnassigned && s.Members(id).Contains(computer)
		if (byHand || byFormula || unassigned) && !excluded {
			ids = append(ids, id)
		}
	}
	return ids
}

// State gives the installation state of an update on a computer.
func (s *Snapshot) State(computer, update uint32) model.InstallationState {
	e := s.computers.at(computer)
	if e == nil || !e.reported || update > e.evaluated || s.declined.Contains(update) {
		return model.StateUnknown
	}
	has := func(list []uint32) bool { _, ok := slices.BinarySearch(list, update); return ok }
	switch {
	case has(e.failed):
		return model.StateFailed
	case has(e.pending):
		return model.StateInstalledPendingReboot
	case has(e.downloaded):
		return model.StateDownloaded
	case has(e.needed):
		return model.StateNotInstalled
	case e.installed.Contains(update):
		return model.StateInstalled
	}
	return model.StateNotApplicable
}

// NeededBy gives the numbers of the updates that a computer needs or failed to
// install, ascending, declined ones left out.
func (s *Snapshot) NeededBy(computer uint32) []uint32 {
	e := s.computers.at(computer)
	if e == nil {
		return nil
	}
	out := make([]uint32, 0, len(e.needed)+len(e.failed))
	for _, list := range [][]uint32{e.needed, e.downloaded, e.failed, e.pending} {
		for _, n := range list {
			if !s.hidden(n) {
				out = append(out, n)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// InstalledOn gives the numbers of the updates that a computer reported as
// installed.
func (s *Snapshot) InstalledOn(computer uint32) []uint32 {
	if e := s.computers.at(computer); e != nil && e.installed != nil {
		return e.installed.ToArray()
	}
	return nil
}

// hidden says whether an update takes no part in counts: declined, or outside
// the selection.
func (s *Snapshot) hidden(update uint32) bool { return s.unseen.Contains(update) }

// hide computes which updates take no part in counts, after declines or the
// selection changed.
func (s *Snapshot) hide() { s.unseen = roaring.Or(s.declined, s.outside) }

// Totals counts a computer's updates by state, declined ones left out.
func (s *Snapshot) Totals(computer uint32) model.UpdateTotals {
	e := s.computers.at(computer)
	if e == nil {
		return model.UpdateTotals{}
	}
	count := func(list []uint32) (n int) {
		for _, u := range list {
			if !s.hidden(u) {
				n++
			}
		}
		return n
	}
	t := model.UpdateTotals{Failed: count(e.failed), Pending: count(e.pending)}
	t.Needed = count(e.needed) + count(e.downloaded) + t.Pending
	if e.installed != nil {
		t.Installed = int(e.installed.GetCardinality() - e.installed.AndCardinality(s.unseen))
	}
	// Numbers are dense: what lies beyond the report, less what is hidden there.
	hidden := s.unseen.GetCardinality() - s.unseen.Rank(e.evaluated)
	t.Unknown = int(s.LastUpdate()) - int(e.evaluated) - int(hidden)
	return t
}

// ComputerState gives a computer's place in the four-way split. While the
// catalogue is empty nothing is known of any computer.
func (s *Snapshot) ComputerState(computer uint32) model.ComputerState {
	e := s.computers.at(computer)
	return s.Totals(computer).State(e != nil && e.reported && s.LastUpdate() > 0)
}

// Unknown says why a computer's status is not complete.
func (s *Snapshot) Unknown(computer uint32, now time.Time) model.UnknownReason {
	e := s.computers.at(computer)
	switch {
	case e == nil || !e.reported:
		return model.UnknownNeverReported
	case now.Sub(e.computer.Contacted) > model.StaleAfter:
		return model.UnknownStale
	case s.Totals(computer).Unknown > 0:
		return model.UnknownNewer
	}
	return model.UnknownNot
}

// Split counts a group's computers by their place in the four-way split,
// indexed by model.ComputerState. The four add up to the group's members.
func (s *Snapshot) Split(group model.GroupID) (split [4]int) {
	for it := s.Members(group).Iterator(); it.HasNext(); {
		split[s.ComputerState(it.Next())]++
	}
	return split
}

// ContentState gives the word of the query field content:. Payload files that
// were not carried in stay at the vendor: Fettle does not fetch them.
func (s *Snapshot) ContentState(update uint32) string {
	if s.ready.Contains(update) {
		return "ready"
	}
	return model.ContentVendor.String()
}

// EffectivePolicy gives the policy that holds for a computer, and the groups it
// came from.
func (s *Snapshot) EffectivePolicy(computer uint32) (model.Policy, model.PolicyOrigin) {
	groups := s.GroupsOf(computer)
	if len(groups) == 0 {
		groups = []model.GroupID{model.GroupAll}
	}
	return model.EffectivePolicy(s.tree, groups)
}

// Deployments gives all deployments, the newest first, those taken back
// included; records that only reinstate updates are left out.
func (s *Snapshot) Deployments() []*model.Deployment {
	var all []*model.Deployment
	for _, d := range slices.Backward(s.deployments) {
		if d.Reverses == 0 {
			all = append(all, d)
		}
	}
	return all
}

// Deployment gives a deployment, or nil.
func (s *Snapshot) Deployment(id uint64) *model.Deployment {
	i, ok := slices.BinarySearchFunc(s.deployments, id, func(d *model.Deployment, id uint64) int {
		return int(int64(d.ID) - int64(id))
	})
	if !ok || s.deployments[i].Reverses != 0 {
		return nil
	}
	return s.deployments[i]
}

// Runs gives the records of synchronizations, the newest first.
func (s *Snapshot) Runs() []*model.SyncRun { return s.runs }

// LastRun gives the newest finished run of an upstream, or of any when the name
// is empty; nil when there is none.
func (s *Snapshot) LastRun(upstream string) *model.SyncRun {
	for _, r := range s.runs {
		if (upstream == "" || r.Upstream == upstream) && !r.Ended.IsZero() {
			return r
		}
	}
	return nil
}

// Journal gives the number of the newest journal entry and the hash of it.
func (s *Snapshot) Journal() (seq uint64, hash []byte) { return s.journal.Seq, s.journal.Hash }

var _ query.World = (*Snapshot)(nil)
