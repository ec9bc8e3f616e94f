package store_test

import (
	"testing"

	"fettle/model"
	"fettle/store"
)

// BenchmarkProgressAtScale measures the progress of a deployment of the whole
// catalogue for 50 groups, and of every deployment that the history of the store
// brought. The large one is made and taken back: a kept store (FETTLE_SCALE_DIR)
// gets two entries more.
func BenchmarkProgressAtScale(b *testing.B) {
	updates, computers := scaleSize(b)
	dir, _ := scaleStore(b, updates, computers)
	s := openScale(b, dir)
	defer s.Close()
	b.Run("every-deployment", func(b *testing.B) {
		snap, n := s.Snapshot(), 0
		for b.Loop() {
			n = 0
			for _, d := range snap.Deployments() {
				if snap.Progress(d.ID, scaleNow).Total != (store.Pairs{}) {
					n++
				}
			}
		}
		b.ReportMetric(float64(n), "deployments")
		b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N*max(n, 1)), "ms/deployment")
	})
	e, err := s.Make(b.Context(), changeOfAll(s.Snapshot()), scaleActor)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("all-updates", func(b *testing.B) {
		snap := s.Snapshot()
		var p *store.Deploying
		for b.Loop() {
			p = snap.Progress(e.Result, scaleNow)
		}
		b.ReportMetric(float64(p.Total.Applicable), "pairs")
		b.ReportMetric(float64(len(p.Deployment.Updates)), "updates")
		versus(b, 0)
	})
	if _, err := s.Undo(b.Context(), e.Seq, scaleActor, ""); err != nil {
		b.Error(err)
	}
}

// changeOfAll approves what can be approved for 50 groups.
func changeOfAll(snap *store.Snapshot) model.Change {
	change := model.Change{Kind: model.ChangeApprove}
	for _, r := range snap.Updates() {
		if r.Flags&(model.FlagDeclined|model.FlagLicence|model.FlagExpired|model.FlagWithdrawn|model.FlagInput) == 0 {
			change.Updates = append(change.Updates, r.Number)
		}
	}
	for _, g := range snap.Groups().Order() {
		if len(change.Groups) < 50 && g != model.GroupAll {
			change.Groups = append(change.Groups, model.GroupAction{Group: g, Action: model.ActionInstall})
		}
	}
	return change
}
