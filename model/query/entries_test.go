package query

import (
	"strings"
	"testing"
	"time"

	"fettle/model"
)

func TestEntries(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	all := []*model.Entry{
		{Seq: 1, Time: now.AddDate(0, -2, 0), Actor: model.Actor{Who: "alice", From: model.FromConsole}, Kind: model.ChangeApprove, Summary: "Approved openssl for Web servers", Remark: "ticket 7", Inverse: &model.Change{}},
		{Seq: 2, Time: now.AddDate(0, 0, -6), Actor: model.Actor{Who: "bob", From: model.FromRule, Via: "nightly"}, Kind: model.ChangeDecline, Summary: "Declined curl", Consent: &model.Actor{Who: "alice"}},
		{Seq: 3, Time: now.Add(-time.Hour), Actor: model.Actor{Who: "bob", From: model.FromSSH}, Kind: model.ChangeGroupAdd, Summary: "Added the group Lab", Undoes: 1, Inverse: &model.Change{}},
	}
	for text, want := range map[string]string{
		"": "123", "who:alice": "12", "who:al*": "12", "from:rule": "2", "from:ssh,console": "13", "via:night": "2", "kind:group-*": "3", "kind:approve": "1", "what:openssl": "1", "openssl": "1", "alice": "12", "group-add": "3",
		"remark:ticket": "1", "since:7d": "23", "since:2026-11-22": "3", "since:today": "3", "since:2026": "123", "time:<2026-10-01": "1", "time:<7d": "23", "is:undo": "3", "is:undoable": "13", "is:lasting": "2", "is:consented": "2",
		"entry:>1": "23", "bob !is:undo": "2", "who:alice or is:undo": "123",
	} {
		q, err := ParseEntries(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		again, err := ParseEntries(q.String())
		if err != nil || again.String() != q.String() {
			t.Errorf("%s: %q parses to %v, %v", text, q.String(), again, err)
		}
		fits, got := q.Matcher(now), ""
		for i, e := range all {
			if fits(e) {
				got += string(rune('1' + i))
			}
		}
		if got != want {
			t.Errorf("%s gives %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{"by:alice": "who:", "since:>7d": "has no order", "since:7d,8d": "one moment", "needed:>0": "no field", "kidn:x": "kind:"} {
		if _, err := ParseEntries(text); err == nil || !strings.Contains(err.Error()+err.(*Error).Suggestion, want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if got := Complete(OnEntries, "from:r", nil); len(got) != 1 || got[0].Text != "from:rule" {
		t.Errorf("from:r is completed to %v", got)
	}
}
