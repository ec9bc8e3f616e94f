package query

import (
	"time"

	"fettle/model"
)

// World answers what a query may ask beyond the row itself. It is implemented
// by the store's snapshot; answers must not change while a Filter runs.
type World interface {
	Groups() *model.GroupTree
	Counts(update uint32, group model.GroupID) model.Counts
	Approvals(update uint32) []model.Approval // own approvals of groups (no Inherit)
	Category(id model.CategoryID) (model.Category, bool)
	Row(update uint32) *model.UpdateRow // nil when unknown
	Totals(computer uint32) model.UpdateTotals
	NeededBy(computer uint32) []uint32         // numbers of updates needed or failed there
	GroupsOf(computer uint32) []model.GroupID  // effective membership including ancestors
	OwnGroups(computer uint32) []model.GroupID // direct membership only
	ComputerState(computer uint32) model.ComputerState
	Unknown(computer uint32, now time.Time) model.UnknownReason
	StaleApproval(update uint32) bool
	ContentState(update uint32) string           // word of the content: field
	LastVisit() time.Time                        // for is:new; zero = everything is old
	Postponed(update uint32, now time.Time) bool // for is:later
}

// Catalogue may be implemented by a World as well: Complete then offers the
// titles of products.
type Catalogue interface {
	Categories() []model.Category
}
