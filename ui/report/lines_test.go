package report

import (
	"bytes"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	r := &Report{Name: "x", Title: "Compliance", Answers: "How far?", Scope: Scope{Group: "All", Computers: 2, Updates: -1}, Sections: []Section{{
		Title: "By group", Columns: []Column{{Key: "name", Title: "Group", Kind: KindText}, {Key: "n", Title: "Computers", Kind: KindCount}, {Key: "none", Title: "None", Kind: KindText}, {Key: "d", Title: "d", Data: true, Kind: KindCount}},
		Rows: [][]Cell{{"Servers", 2, nil, 9}, {"Clients", 0, "", 9}}, Notes: []string{"A note."}}, {Title: "Nothing", Empty: "There is none."}}}
	var out bytes.Buffer
	if err := r.Lines(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Compliance\nHow far?\n", "By group, 2 lines:\nServers, computers 2.\nClients, computers 0.\nA note.\n", "Nothing, 0 lines:\nThere is none.\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	if strings.ContainsAny(out.String(), "=\x1b\r") {
		t.Errorf("something is drawn:\n%s", out.String())
	}
}
