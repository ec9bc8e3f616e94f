package console

import "fettle/model"

// Up to these sizes what looks at all that a store knows takes less time than
// drawing it, so that it can follow every change.
const (
	smallCatalogue = 10_000
	smallFleet     = 300
)

// small says whether even what is costly to compute may be computed anew
// whenever something changed. On larger stores a screen says that it changed, and
// r reads it again.
func (c *Console) small() bool {
	return c.snap.UpdateCount() <= smallCatalogue && c.snap.Members(model.GroupAll).GetCardinality() <= smallFleet
}
