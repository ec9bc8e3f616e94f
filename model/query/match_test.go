package query

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fettle/model"
)

func numbersOf(rows []*model.UpdateRow) (all []uint32) {
	for _, r := range rows {
		all = append(all, r.Number)
	}
	return all
}

func updateRows(w *fakeWorld) []*model.UpdateRow {
	var rows []*model.UpdateRow
	for n := uint32(1); w.rows[n] != nil; n++ {
		rows = append(rows, w.rows[n])
	}
	return rows
}

func TestUpdateTerms(t *testing.T) {
	cases := map[string][]uint32{
		"": {1, 2, 3, 4, 5},

		"id:deb/Debian/bookworm/openssl/3.0.15-1": {2},
		"id:DEB/debian/bookworm/*":                {1, 2, 5},
		"id:59653007-E2E9-4F71-8525-2FF588527978": {3},
		"id:deb":                            nil,
		"kb:5034441":                        {3},
		"kb:KB5034441":                      {3},
		"kb:kb50*":                          {3},
		"kb:503444":                         nil,
		"kb:*":                              {3, 4},
		"kb:890830,5034441":                 {3, 4},
		"bulletin:ms24-001":                 {3},
		"bulletin:MS24*":                    {3},
		"cve:cve-2024-6387":                 {2},
		"cve:2024-6387":                     {2},
		"cve:2024*":                         {2},
		"!cve:*":                            {1, 3, 4, 5},
		`title:"security update"`:           {3},
		"title:ssl":                         {2},
		"title:linux*":                      {5},
		"title:*(KB5034441)":                {3}, // two terms: a word ends at a parenthesis
		`title:*"(kb5034441)"`:              {3},
		`title:="OpenSSL 3.0.15-1"`:         {2},
		"title:=openssl":                    nil,
		"title:été":                         {4},
		"title:ÉTÉ":                         {4},
		`title:"outil de"*`:                 {4},
		"package:tzdata":                    {1},
		"package:tz*":                       {1},
		"package:*ssl*":                     {2},
		"package:ssl":                       nil,
		"package:openssl,linux-image-amd64": {2, 5},
		"version:3.0.15-1":                  {2},
		"version:1:6.1.90-1":                {5},
		"version:3.0*":                      {2},
		"class:security":                    {2, 3, 5},
		"class:SECURITY,tool":               {2, 3, 4, 5},
		`class:"Security Updates"`:          {2, 3, 5},
		"class:upd*":                        {1},
		"product:bookworm":                  {1, 2},
		`product:"debian 12"`:               {1, 2},
		`product:="debian 12"`:              nil,
		`product:="Debian 12 (bookworm)"`:   {1, 2},
		"product:deb/Debian/bookworm":       {1, 2},
		"product:deb/Debian/bookworm/localization": {1},
		"product:deb/*":                    {1, 2},
		"product:local*":                   {1},
		"product:windows":                  {3},
		"product:microsoft":                {3},
		"product:office":                   nil, // inside a word
		"product:*office*":                 {4},
		"product:pool":                     {4}, // a loop among parents ends
		"product:unheard-of":               {5}, // by identifier, though no category is known
		"product:none-such":                nil,
		"upstream:DEBIAN":                  {1, 2, 5},
		`upstream:"microsoft update"`:      {3, 4},
		"language:de":                      {3},
		"language:none":                    {1, 2, 4, 5},
		"language:none,de":                 {1, 2, 3, 4, 5},
		"severity:critical":                {2},
		"severity:unspecified":             {1, 4},
		"severity:>=important":             {2, 3},
		"severity:>important":              {2},
		"severity:<important":              {1, 4, 5},
		"severity:<=low":                   {1, 4, 5},
		"released:2026-02-10":              {3},
		"released:2026-02":                 {1, 3}, // 1 came out 20 days before, on 20 February
		"released:2026":                    {1, 2, 3},
		"released:<2026":                   {5},
		"released:<2026-01-01":             {5}, // 23:30 in the zone of now; 21:30 in UTC would do as well
		"released:>2026-03-11":             {2}, // 00:30 of the 12th here is still the 11th in UTC
		"released:2026-03-11":              nil,
		"released:>=2026-02-10T19:00":      {1, 2, 3},
		"released:>2026-02-10T19:00":       {1, 2},
		"released:<=2026-02-10T17:00:00Z":  {3, 5},
		"released:<2026-02-10T17:00:00Z":   {5},
		"released:today":                   {2},
		"released:<today":                  {1, 3, 5},
		"released:<now":                    {1, 2, 3, 5},
		"released:>yesterday":              {2},
		"released:<7d":                     {2},
		"released:>30d":                    {5},
		"!released:<now":                   {4}, // not known
		"arrived:<1d":                      {2},
		"arrived:>1y":                      {4},
		"arrived:10d":                      {1},
		"age:>14d":                         {1, 3, 5},
		"age:>=20d":                        {1, 3, 5},
		"age:>20d":                         {3, 5},
		"age:20d":                          {1},
		"age:480h":                         {1},
		"age:<1d":                          {2},
		"age:<=20d":                        {1, 2},
		"age:>2w5d":                        {1, 3, 5},
		"age:>2mo":                         {5},
		"age>14d":                          {1, 3, 5},
		"needed:>0":                        {1, 2},
		"needed>0":                         {1, 2},
		"needed:3":                         {1},
		"needed:=3":                        {1},
		"needed:>=2":                       {1},
		"needed:<=1":                       {2, 3, 4, 5},
		"needed:1,3":                       {1, 2},
		"needed:0,>2":                      {1, 3, 4, 5},
		"failed:>0":                        {3},
		"installed:>6":                     {2},
		"not-applicable:10":                {5},
		"not_applicable:10":                {5}, // as --json writes it
		"no-status:>5":                     {3, 4},
		"pending-restart:1":                {1},
		"installed-or-not-applicable:100":  {5},
		"installed-or-not-applicable:<90":  {1, 2, 3, 4},
		"installed-or-not-applicable:<80%": {1, 3, 4},
		"installed-or-not-applicable:>=80": {2, 5},
		`in:"Web Servers" needed:>0`:       {1},
		`in:"Web Servers" installed:>0`:    {1, 2},
		"in:Berlin":                        {1, 2, 3, 4, 5},
		"approved:any":                     {1, 2},
		"approved:none":                    {3, 5}, // neither the declined 4
		`approved:"any"`:                   nil,    // the group of that name
		`approved:"web servers"`:           {1},
		"approved:Berlin":                  nil,
		`approved:"All Computers"`:         {2},
		"approved:all":                     {2}, // by identifier
		"approved:Berlin,Desktops":         {2},
		"approved:none,any":                {1, 2, 3, 5},
		`effective:"Web Servers"`:          {1, 2},
		"effective:Berlin":                 {2}, // Not Approved overrides there
		"effective:Desktops":               {2},
		`effective:"All Computers"`:        {2},
		"approval:install":                 {1, 2},
		"approval:uninstall":               {5},
		"approval:not-approved":            {3},
		"approval:none":                    {3},
		"approval:declined":                {4},
		"approval:declined,uninstall":      {4, 5},
		"deadline:any":                     {1, 2},
		"deadline:none":                    {3, 4, 5}, // the decline of 4 masks its approval
		"deadline:<now":                    {2},
		"deadline:<7d":                     {1, 2},
		"deadline:>1d":                     {1},
		"deadline:3d":                      {1},
		"deadline:2026-03-15":              {1},
		"deadline:>2026-03-14":             {1},
		"deadline:none,<now":               {2, 3, 4, 5},
		"is:declined":                      {4},
		"is:superseded":                    {5},
		"is:superseding":                   {2},
		"is:expired":                       {5},
		"is:stale":                         {3},
		"is:removable":                     {3},
		"is:restart":                       {3},
		"is:exploited":                     {2},
		"is:required":                      {4},
		"is:licence":                       {3},
		"is:license":                       {3},
		"is:withdrawn":                     {5},
		"is:overdue":                       {2},
		`in:"Web Servers" is:overdue`:      nil, // nobody there needs it
		"is:new":                           {2},
		"is:later":                         {1},
		"!is:later is:stale":               {3},
		"is:declined,superseded":           {4, 5},
		"is:superse*":                      {2, 5},
		"size:>100MB":                      {3, 5},
		"size:>100MiB":                     {3, 5},
		"size:<=500kB":                     {1, 4},
		"size:6MiB":                        {2},
		"size:>=1.5G":                      {5},
		"content:ready":                    {1},
		"content:failed,vendor":            {2, 3},
		"content:none":                     {4},
		"content:waiting,downloading":      {5},

		"openssl":             {2},
		"OPENSSL":             {2},
		"KB5034441":           {3},
		"kb503":               {3},
		"kb034":               nil, // not at the beginning of the number
		"034441":              {3},
		"890830":              {4},
		"ms24":                {3},
		"2024-6387":           {2},
		"libssl":              {2},
		"tz*":                 {1},
		"*amd64":              {5},
		`"security update"`:   {3},
		"security update":     {3},
		"security update ssl": nil,
		"été":                 {4},
		`"or"`:                {3}, // in "for"
		`supp"ress"ion`:       {4},
		`sup"press"`:          {4},
		"nothing-like-that":   nil,

		// precedence, negation, parentheses
		"class:security needed:>0":                           {2},
		"class:security and needed:>0":                       {2},
		"class:tool or class:security needed:>0":             {2, 4},
		"(class:tool or class:security) needed:>0":           {2},
		"needed:>0 class:security or class:tool":             {2, 4},
		"(class:tool OR class:security) AND NOT is:declined": {2, 3, 5},
		"!class:security":                                    {1, 4},
		"-class:security":                                    {1, 4},
		"not class:security":                                 {1, 4},
		"!!class:security":                                   {2, 3, 5},
		"not -class:security":                                {2, 3, 5},
		"!(class:security or is:declined)":                   {1},
		"-(class:security -is:superseded)":                   {1, 4, 5},
		"!openssl":                                           {1, 3, 4, 5},
		"not(openssl)":                                       {1, 3, 4, 5},
		"(openssl)or(tzdata)":                                {1, 2},
		"openssl or tzdata or linux":                         {1, 2, 5},
		"\topenssl\n":                                        {2},
		"open\x1b[31mssl":                                    {2}, // escape sequences fall out
		"is:withdrawn or (age:>14d size:<1MB)":               {1, 5},
	}
	w := testWorld()
	rows := updateRows(w)
	for text, want := range cases {
		q, err := ParseUpdates(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := q.Filter(t.Context(), w, rows, now)
		if err != nil || !slices.Equal(numbersOf(got), want) {
			t.Errorf("%s: Filter gave %v (%v), want %v", text, numbersOf(got), err, want)
		}
		again, err := ParseUpdates(q.String())
		if err != nil || again.String() != q.String() {
			t.Errorf("%s: canonical %q does not parse to itself: %v, %v", text, q, again, err)
			continue
		}
		for _, r := range rows {
			fits := slices.Contains(want, r.Number)
			if q.Match(w, r, now) != fits || again.Match(w, r, now) != fits {
				t.Errorf("%s: Match of %d is not %v (canonical %s)", text, r.Number, fits, q)
			}
		}
	}
}

func TestComputerTerms(t *testing.T) {
	cases := map[string][]uint32{
		"":                                       {1, 2, 3, 4, 5},
		"name:pc-17":                             {2},
		"name:web*":                              {1, 3},
		"name:*example.org":                      {1, 3},
		"name:web":                               nil,
		"address:10.1.2.3":                       {1},
		"address:10.*":                           {1, 3},
		"address:10.0.0.0/8":                     {1, 3},
		"address:10.1.0.0/16,192.168.7.17":       {1, 2},
		"address:fe80::/10":                      {1},
		"address:fe80::1:2*":                     {1},
		"os:debian":                              {1},
		"os:12":                                  {1},
		`os:"windows 11"`:                        {2},
		"os:untu":                                nil,
		"os:*untu*":                              {3},
		"platform:linux":                         {1, 3},
		"platform:windows":                       {2},
		"platform:linux,windows":                 {1, 2, 3},
		"arch:arm64":                             {3},
		"version:0.9*":                           {1},
		"version:*":                              {1, 3},
		`group:"web servers"`:                    {1},
		`group:="Web Servers"`:                   nil,
		"group:=Berlin":                          {1},
		"group:web*":                             {1},
		"group:g3":                               {2},
		"group:berlin,desktops":                  {1, 2},
		`group:=Berlin,Desktops`:                 {1, 2},
		"!group:Berlin":                          {2, 3, 4, 5},
		"role:server":                            {1},
		"role:client":                            {2, 3},
		"needed:>0":                              {1},
		"failed:1":                               {2},
		"installed:100":                          {1},
		"no-status:>=5":                          {2, 4},
		"pending-restart:>0":                     {1},
		"needs:(severity:critical is:exploited)": {1},
		"needs:(class:security)":                 {1, 2},
		"needs:class:security":                   {1, 2},
		"needs:tzdata":                           {1},
		`needs:"security update"`:                {2},
		"needs:(tzdata or kb:5034441)":           {1, 2},
		"!needs:(class:security)":                {3, 4, 5},
		"needs:(in:Berlin needed:>0)":            {1},
		"needs:(in:Berlin)":                      {1, 2},
		"needs:(effective:Desktops)":             {1},
		"needs:(!openssl)":                       {1, 2},
		"contact:<1h":                            {1},
		"contact:>2d":                            {2, 4, 5},
		"contact:never":                          {4},
		"contact:<2026":                          {4, 5},
		"contact:1h":                             {3},
		"reported:>30d":                          {2, 4, 5},
		"reported:never":                         {4, 5},
		"reported:never,<45m":                    {1, 4, 5},
		"reported:today":                         {1, 3},
		"status:failed":                          {2},
		"status:needed,no-status":                {1, 4},
		"status:ok":                              {3, 5},
		"why:stale":                              {2},
		"why:never-reported":                     {4},
		"why:newer-than-report":                  {3},
		"why:*":                                  {2, 3, 4},
		"mode:disabled":                          {2},
		"mode:scheduled,notify":                  {1, 3},
		"mode:download":                          {4},
		"is:restart-pending":                     {1},
		"is:stale":                               {2},
		"is:unassigned":                          {3, 4},
		"is:rejected":                            {5},
		"is:waiting":                             {4},
		"is:automatic-updates-disabled":          {2},
		"is:changed-by-others":                   {3},
		"is:scan-failed":                         {2},
		"web":                                    {1, 3},
		"EXAMPLE":                                {1, 3},
		"192.168":                                {2},
		"fe80::1":                                {1},
		"10.2 or pc":                             {2, 3},
		"platform:linux -role:server":            {3},
	}
	w := testWorld()
	all := testComputers()
	for text, want := range cases {
		q, err := ParseComputers(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := q.Filter(t.Context(), w, all, now)
		var gotNumbers []uint32
		for _, c := range got {
			gotNumbers = append(gotNumbers, c.Number)
		}
		if err != nil || !slices.Equal(gotNumbers, want) {
			t.Errorf("%s: Filter gave %v (%v), want %v", text, gotNumbers, err, want)
		}
		again, err := ParseComputers(q.String())
		if err != nil || again.String() != q.String() {
			t.Errorf("%s: canonical %q does not parse to itself: %v, %v", text, q, again, err)
			continue
		}
		for _, c := range all {
			fits := slices.Contains(want, c.Number)
			if q.Match(w, c, now) != fits || again.Match(w, c, now) != fits {
				t.Errorf("%s: Match of %d is not %v", text, c.Number, fits)
			}
		}
	}
}

func TestUnknownGroupMatchesNothing(t *testing.T) {
	w := testWorld()
	for _, text := range []string{"in:Serverz needed:>0", "!approved:Serverz", "effective:Serverz or openssl", "!approved:nob*"} {
		q, err := ParseUpdates(text)
		if err != nil {
			t.Fatal(err)
		}
		var e *Error
		if _, err := q.Filter(t.Context(), w, updateRows(w), now); !errors.As(err, &e) {
			t.Errorf("%s: Filter gave the error %v", text, err)
		}
		if err := q.Check(w); !errors.As(err, &e) {
			t.Errorf("%s: Check gave %v", text, err)
		}
		for _, r := range updateRows(w) {
			if q.Match(w, r, now) {
				t.Errorf("%s matched %s", text, r.Title)
			}
		}
	}
	q, err := ParseComputers("needs:(approved:Berln)")
	if err != nil {
		t.Fatal(err)
	}
	err = q.Check(w)
	if err == nil || err.Error() != `column 17: there is no group "Berln". Did you mean approved:Berlin?` {
		t.Errorf("Check gave %v", err)
	}
	if q.Match(w, testComputers()[0], now) {
		t.Error("a computer matched")
	}
	q, _ = ParseComputers(`group:"web servrs"`)
	if err := q.Check(w); err == nil || !strings.HasSuffix(err.Error(), `Did you mean group:"Web Servers"?`) {
		t.Errorf("Check gave %v", err)
	}
	if q, _ = ParseComputers("group:Berlin is:stale"); q.Check(w) != nil {
		t.Error("Check refused a group that exists")
	}
}

// Names that differ only in case are told apart by exact spelling.
func TestGroupSpelling(t *testing.T) {
	w := testWorld()
	for text, want := range map[string][]model.GroupID{
		"webcams": {"g5"}, "Webcams": {"g6"}, "WEBCAMS": {"g5", "g6"}, "Servers": {model.GroupServers}, "web*": {"g1", "g5", "g6"}, "none": nil,
	} {
		lead := strings.HasSuffix(text, "*")
		got := findGroups(w.tree, value{text: strings.TrimSuffix(text, "*"), trail: lead})
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s names %v, want %v", text, got, want)
		}
	}
}

// A renamed group is found at once: the resolution belongs to one tree.
func TestTreeChanges(t *testing.T) {
	w := testWorld()
	q, err := ParseUpdates("approved:Potsdam")
	if err != nil {
		t.Fatal(err)
	}
	if q.Check(w) == nil {
		t.Fatal("the group exists already")
	}
	w.tree, err = model.NewGroupTree(append(model.PredefinedGroups(), model.Group{ID: "g1", Name: "Potsdam", Parent: model.GroupAll}))
	if err != nil {
		t.Fatal(err)
	}
	if q.Check(w) != nil || !q.Match(w, w.rows[1], now) {
		t.Error("the group is still not found")
	}
}

func TestCheapTermsRunFirst(t *testing.T) {
	w := testWorld()
	w.asked = map[string]int{}
	q, err := ParseUpdates("effective:Desktops needed:>0 installed:>0 title:openssl is:exploited")
	if err != nil {
		t.Fatal(err)
	}
	got, err := q.Filter(t.Context(), w, updateRows(w), now)
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	if w.asked["Counts"] != 1 || w.asked["Approvals"] != 1 {
		t.Errorf("the world was asked %v times; the flag leaves one row, and both counts come from one question", w.asked)
	}
}

// With needs: a Filter looks at an update once, whatever the number of computers.
func TestNeedsRemembers(t *testing.T) {
	w := testWorld()
	var all []*model.Computer
	for n := uint32(1); n <= 50; n++ {
		w.needed[n] = []uint32{1, 3, 5}
		all = append(all, &model.Computer{Number: n})
	}
	w.asked = map[string]int{}
	q, err := ParseComputers("needs:(is:withdrawn)")
	if err != nil {
		t.Fatal(err)
	}
	got, err := q.Filter(t.Context(), w, all, now)
	if err != nil || len(got) != 50 || w.asked["Row"] != 3 {
		t.Errorf("%d computers, %d questions, %v", len(got), w.asked["Row"], err)
	}
}

func TestFilterStops(t *testing.T) {
	w := testWorld()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, text := range []string{"", "openssl"} {
		q, _ := ParseUpdates(text)
		if _, err := q.Filter(ctx, w, updateRows(w), now); !errors.Is(err, context.Canceled) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// What a Filter gives may be changed by its caller, and rows stay as they are.
func TestFilterOwnsResult(t *testing.T) {
	w := testWorld()
	rows := updateRows(w)
	q, _ := ParseUpdates("")
	got, _ := q.Filter(t.Context(), w, rows, now)
	got[0] = nil
	if rows[0] == nil {
		t.Error("the rows of the caller were handed out")
	}
}

func TestProperties(t *testing.T) {
	computers := []struct {
		text             string
		relative, groups bool
	}{
		{"", false, false},
		{"role:server platform:linux", false, false},
		{"contact:>2d", true, false},
		{"contact:<2026-01-01", false, false},
		{"contact:never", false, false},
		{"reported:today", true, false},
		{"is:stale", true, false},
		{"is:*", true, true},
		{"why:stale", true, false},
		{"group:Berlin", false, true},
		{"!(role:server or group:=Berlin)", false, true},
		{"is:unassigned", false, true},
		{"needs:(class:security)", false, false},
		{"needs:(age:>14d)", true, false},
		{"needs:(in:Berlin)", false, true},
		{"needs:(is:overdue)", true, true},
		{"needs:(is:later)", true, true}, // so that no formula asks for it
		{"needs:(approved:any)", false, false},
		{"needs:(approved:Berlin)", false, true},
	}
	for _, c := range computers {
		q, err := ParseComputers(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if q.TimeDependent() != c.relative || q.UsesGroups() != c.groups || q.Empty() != (c.text == "") {
			t.Errorf("%q: time %v, groups %v, empty %v", c.text, q.TimeDependent(), q.UsesGroups(), q.Empty())
		}
	}
	for text, want := range map[string]string{"": "", "needed:>0": "", `needed:>0 in:"Web Servers"`: "Web Servers", "(class:tool) (in:Berlin)": "Berlin"} {
		q, err := ParseUpdates(text)
		if err != nil {
			t.Fatal(err)
		}
		if name, ok := q.Group(); name != want || ok != (want != "") {
			t.Errorf("%q: Group is %q, %v", text, name, ok)
		}
	}
	for _, text := range []string{"", "  ", "\t\n"} {
		if q, err := ParseUpdates(text); err != nil || !q.Empty() || q.String() != "" {
			t.Errorf("%q is not empty: %v %v", text, q, err)
		}
	}
}

// Predefined groups' formulas are queries on computers and fit their groups.
func TestPredefinedFormulas(t *testing.T) {
	w := testWorld()
	for _, g := range model.PredefinedGroups() {
		q, err := ParseComputers(g.Formula)
		if err != nil || q.UsesGroups() || q.TimeDependent() {
			t.Errorf("%s: %v", g.Name, err)
		}
		if g.ID == model.GroupServers && (!q.Match(w, testComputers()[0], now) || q.Match(w, testComputers()[1], now)) {
			t.Error("role:server is wrong")
		}
	}
}

// Dates follow the zone of now, and days of 23 hours end where they should.
func TestDatesInZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zone database: ", err)
	}
	w := testWorld()
	r := &model.UpdateRow{Number: 9, Released: time.Date(2026, 3, 29, 21, 59, 59, 0, time.UTC)} // 23:59:59 on the short day
	q, _ := ParseUpdates("released:2026-03-29")
	if !q.Match(w, r, now.In(berlin)) || q.Match(w, r, now.In(time.FixedZone("", 14*3600))) {
		t.Error("the day is not that of the zone")
	}
	r.Released = r.Released.Add(time.Second)
	if q.Match(w, r, now.In(berlin)) {
		t.Error("the short day has 24 hours")
	}
}

// One parsed query serves several goroutines and several worlds at once.
func TestConcurrentUse(t *testing.T) {
	w, other := testWorld(), testWorld()
	delete(other.counts, 1)
	q, err := ParseUpdates(`in:"Web Servers" needed:>0 product:bookworm age:>14d effective:"Web Servers"`)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			w, want := w, 1
			if i%2 == 1 {
				w, want = other, 0
			}
			for range 100 {
				got, err := q.Filter(t.Context(), w, updateRows(w), now)
				if err != nil || len(got) != want || q.Match(w, w.rows[1], now) != (want == 1) {
					t.Errorf("%d rows of %d, %v", len(got), want, err)
				}
			}
		})
	}
	all.Wait()
}
