package protocol

import (
	"bytes"
	"crypto/ed25519"
	"reflect"
	"strings"
	"testing"
	"time"

	"fettle/model"
)

func sampleReport() Report {
	t := time.Date(2026, 5, 1, 12, 0, 0, 123456789, time.UTC)
	return Report{
		Version: Version, Time: t, Who: Identity{ID: "c1", Name: "box", Role: model.RoleServer}, Scan: model.ScanResult{Time: t},
		Inventory: &model.Inventory{Time: t, Arch: "amd64", Packages: []model.InstalledPackage{{Name: "a", Arch: "all", Version: "1"}}},
		Needed:    []model.NeededPackage{{Package: "a", Arch: "all", Installed: "1", Candidate: "2", Security: true}},
		Failures:  []model.Failure{{Update: "deb/x/y/a/2", Time: t, Code: "lock", Text: "t"}},
		NextCheck: t.Add(time.Hour),
		Closures:  []model.Closure{{Update: "u", Items: []model.PlanItem{{Update: "u", Package: "a", Arch: "all", From: "1", To: "2", SHA256: []byte{1}}}}},
		Policy:    model.DefaultPolicy(),
	}
}

func TestRoundTrip(t *testing.T) {
	want := sampleReport()
	b, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Report
	if err := Decode(b, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
	var empty, back Report
	b, _ = Encode(empty)
	if err := Decode(b, &back); err != nil || !back.NextCheck.IsZero() {
		t.Errorf("a zero time came back as %v, %v", back.NextCheck, err)
	}
}

func TestInventoryDigestIgnoresTheTime(t *testing.T) {
	inv := sampleReport().Inventory
	a, err := InventoryDigest(inv)
	if err != nil {
		t.Fatal(err)
	}
	inv.Time = inv.Time.Add(time.Hour)
	if b, _ := InventoryDigest(inv); !bytes.Equal(a, b) {
		t.Error("the digest changed with the time")
	}
	inv.Packages[0].Version = "2"
	if b, _ := InventoryDigest(inv); bytes.Equal(a, b) {
		t.Error("the digest stayed though a version changed")
	}
}

func TestPlanSignature(t *testing.T) {
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := model.InstallPlan{Number: 3, Computer: "c", Issued: time.Now(), Expires: time.Now().Add(time.Hour), Items: []model.PlanItem{{Package: "a", Arch: "all", To: "2"}}}
	if err := SignPlan(&p, key); err != nil {
		t.Fatal(err)
	}
	b, err := Encode(p) // a plan that travelled must still verify
	if err != nil {
		t.Fatal(err)
	}
	var moved model.InstallPlan
	if err := Decode(b, &moved); err != nil {
		t.Fatal(err)
	}
	if err := VerifyPlan(moved, pub); err != nil {
		t.Error(err)
	}
	moved.Items[0].To = "3"
	if VerifyPlan(moved, pub) == nil {
		t.Error("a changed plan verified")
	}
	if VerifyPlan(p, nil) == nil {
		t.Error("a plan verified without a key")
	}
}

func TestDecodeIsBounded(t *testing.T) {
	var r Report
	for name, b := range map[string][]byte{
		"too long":   bytes.Repeat([]byte{0x80}, MaxMessage+1),
		"too deep":   append(bytes.Repeat([]byte{0x81}, 100), 0x80),
		"huge array": {0xa1, 0x07, 0x9a, 0x7f, 0xff, 0xff, 0xff},
	} {
		if Decode(b, &r) == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if err := CheckVersion(2); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Error(err)
	}
}

func TestEventKindNames(t *testing.T) {
	if EventForeign.String() != "foreign" || EventKind(200).String() != "unknown" || EventDownloaded.String() != "downloaded" {
		t.Error(EventForeign, EventKind(200), EventDownloaded)
	}
}

func FuzzDecode(f *testing.F) {
	b, _ := Encode(sampleReport())
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Report
		if Decode(b, &r) == nil {
			if _, err := Encode(r); err != nil && len(b) < MaxMessage/8 {
				t.Errorf("what was decoded cannot be encoded: %v", err)
			}
		}
		var d Decisions
		_ = Decode(b, &d)
		var e Event
		_ = Decode(b, &e)
	})
}
