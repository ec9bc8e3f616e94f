package keys

// The actions.
const (
	Up         Action = "up"
	Down       Action = "down"
	PageUp     Action = "page-up"
	PageDown   Action = "page-down"
	HalfUp     Action = "half-page-up"
	HalfDown   Action = "half-page-down"
	Top        Action = "top"
	Bottom     Action = "bottom"
	Left       Action = "left"
	Right      Action = "right"
	NextPane   Action = "next-pane"
	PrevPane   Action = "previous-pane"
	Zoom       Action = "zoom"
	Open       Action = "open"
	Back       Action = "back"
	Close      Action = "close"
	Quit       Action = "quit"
	HelpMe     Action = "help"
	Palette    Action = "command"
	Redraw     Action = "redraw"
	Reload     Action = "refresh"
	Suspend    Action = "suspend"
	LastView   Action = "last-view"
	ToOverview Action = "overview"
	ToUpdates  Action = "updates"
	ToComps    Action = "computers"
	ToGroups   Action = "groups"
	ToDeploy   Action = "deployments"
	ToRules    Action = "rules"
	ToReports  Action = "reports"
	ToSync     Action = "synchronization"
	ToSettings Action = "settings"
	ToJournal  Action = "journal"
	ToLog      Action = "log"
	ToAgenda   Action = "agenda"
	ToPending  Action = "pending"
	ToCleanup  Action = "cleanup"
	ToProducts Action = "products"
	ToTriage   Action = "triage"

	NextView       Action = "next-view"
	PrevView       Action = "previous-view"
	SaveView       Action = "save-view"
	Columns        Action = "columns"
	ShowColumn     Action = "show-column"
	ColumnLeft     Action = "column-left"
	ColumnRight    Action = "column-right"
	DefaultColumns Action = "default-columns"
	KeepColumns    Action = "keep-columns"
	RenameItem     Action = "rename-item"
	RemoveItem     Action = "remove-item"

	Filter      Action = "filter"
	Views       Action = "views"
	ClearFilter Action = "default-filter"
	Sort        Action = "sort"
	Reverse     Action = "reverse-sort"
	SortNext    Action = "sort-next-column"
	SortPrev    Action = "sort-previous-column"
	Mark        Action = "mark"
	MarkRange   Action = "mark-range"
	MarkAll     Action = "mark-all"
	MarkNone    Action = "unmark-all"
	Details     Action = "details-pane"
	Copy        Action = "copy"
	CopyRow     Action = "copy-row"

	ApproveIt   Action = "approve"
	DeclineIt   Action = "decline"
	ReinstateIt Action = "reinstate"
	Undo        Action = "undo"
	NeedingIt   Action = "computers-needing"
	CheckIn     Action = "check-in"
	InstallNow  Action = "install-now"
	Synchronize Action = "synchronize"
	CancelJob   Action = "cancel-job"
	SwitchBase  Action = "base"

	ApproveNow    Action = "approve-now"
	DeclineNow    Action = "decline-now"
	LaterNow      Action = "later"
	LaterUntil    Action = "later-until"
	BringBack     Action = "bring-back"
	ApproveDialog Action = "approve-dialog"
	SetTarget     Action = "target"
	LeftOut       Action = "left-out"

	ByComputer    Action = "by-computer"
	ExplainIt     Action = "explain"
	NeedingGroup  Action = "group-from-needing"
	Acknowledge   Action = "acknowledge"
	AcceptLicence Action = "accept-licence"

	AddIt       Action = "add"
	EditIt      Action = "edit"
	EnableIt    Action = "enable"
	RemoveIt    Action = "remove"
	RunIt       Action = "run"
	RunAll      Action = "run-all"
	RenameIt    Action = "rename"
	MoveIt      Action = "move"
	FormulaIt   Action = "formula"
	PolicyIt    Action = "policy"
	GroupComps  Action = "computers-of-group"
	MoveComps   Action = "move-computers"
	AcceptComp  Action = "accept-computer"
	RejectComp  Action = "reject-computer"
	PolicyOf    Action = "policy-of-computer"
	PastReports Action = "reports-of-computer"
	Approvals   Action = "approvals"
	ShowGroup   Action = "show-group"
	JoinIt      Action = "join"
	LeaveIt     Action = "leave"
	ExcludeIt   Action = "exclude"
	IncludeIt   Action = "include"
	RetractIt   Action = "take-back"
	ConsentIt   Action = "consent"
	RejectIt    Action = "reject"
	Span        Action = "next-span"

	SetInstall   Action = "set-install"
	SetNone      Action = "set-not-approved"
	SetInherit   Action = "set-same-as-parent"
	SetUninstall Action = "set-uninstall"
	SetKeep      Action = "keep-existing"
	CycleAction  Action = "next-action"
	CycleDue     Action = "next-deadline"
	CustomDue    Action = "custom-deadline"
	Preview      Action = "preview"
	ToChildren   Action = "apply-to-children"
	FoldGroup    Action = "fold-group"
	FindGroup    Action = "find-group"
	NameIt       Action = "name-deployment"

	Unfold     Action = "unfold"
	Fold       Action = "fold"
	NextNew    Action = "next-new"
	SeeNew     Action = "acknowledge-new"
	QueryIt    Action = "query"
	ImportFile Action = "import-file"
	PlanIt     Action = "plan"
	NextLink   Action = "next-link"
	PrevLink   Action = "previous-link"

	Apply      Action = "apply"
	CancelIt   Action = "cancel"
	Choose     Action = "choose"
	NextButton Action = "next-button"

	NextPage Action = "next-page"
	PrevPage Action = "previous-page"
	NextItem Action = "next-item"
	PrevItem Action = "previous-item"
	Tick     Action = "tick"

	SearchText Action = "search"
	NextMatch  Action = "next-match"
	PrevMatch  Action = "previous-match"

	ReportGroup Action = "report-group"
	ReportQuery Action = "report-query"
	ReportBase  Action = "report-base"
	SaveReport  Action = "save-report"
	StopIt      Action = "stop"
	VerifyIt    Action = "verify"
	ToUpstreams Action = "upstreams"
	LevelIt     Action = "level"
	Follow      Action = "follow"
	WrapIt      Action = "wrap"
	Stamps      Action = "times"
)

// builtin is the key map. The order is that of the help. Keys that terminals or
// serial lines eat are not used: ctrl+s, ctrl+q, ctrl+space, Alt; nothing is
// only on a key that needs AltGr (terminal section 1).
var builtin = []Binding{
	{Up, []string{"up", "k"}, "up", "Move up", []Scope{List, Scroll, Overview, Approve, Products, FormProducts, Menu, ColumnList, Help, Confirm, Notice, Target}, 0, false},
	{Down, []string{"down", "j"}, "down", "Move down", []Scope{List, Scroll, Overview, Approve, Products, FormProducts, Menu, ColumnList, Help, Confirm, Notice, Target}, 0, false},
	{PageUp, []string{"pgup", "ctrl+b"}, "page up", "Move up by a page", []Scope{List, Scroll, Overview, Approve, Products, FormProducts, Menu, ColumnList, Help, Confirm, Notice, Target}, 0, false},
	{PageDown, []string{"pgdown", "ctrl+f"}, "page down", "Move down by a page", []Scope{List, Scroll, Overview, Approve, Products, FormProducts, Menu, ColumnList, Help, Confirm, Notice, Target}, 0, false},
	{HalfUp, []string{"ctrl+u"}, "half up", "Move up by half a page", []Scope{List, Scroll, Overview, Products, FormProducts, Menu, ColumnList, Approve, Help}, 0, false},
	{HalfDown, []string{"ctrl+d"}, "half down", "Move down by half a page", []Scope{List, Scroll, Overview, Products, FormProducts, Menu, ColumnList, Approve, Help}, 0, false},
	{Top, []string{"home", "g"}, "top", "Go to the first row", []Scope{List, Scroll, Overview, Approve, Products, FormProducts, Menu, ColumnList, Help, Target}, 0, false},
	{Bottom, []string{"end", "G"}, "end", "Go to the last row", []Scope{List, Scroll, Overview, Approve, Products, FormProducts, Menu, ColumnList, Help, Target}, 0, false},

	{Open, []string{"enter"}, "open", "Open what is under the cursor", []Scope{Overview, List, Update, Inspection, Run, Report, PastReport, Deployment, Explanation, Upstream}, 1, false},
	{NextLink, []string{"tab"}, "next to open", "Go to the next line that can be opened", []Scope{Update, Inspection, Run, PastReport, Deployment, Explanation, Upstream}, 4, false},
	{PrevLink, []string{"shift+tab"}, "previous to open", "Go to the line before that can be opened", []Scope{Update, Inspection, Run, PastReport, Deployment, Explanation, Upstream}, 0, false},
	{NextPane, []string{"tab"}, "next pane", "Go to the next pane", []Scope{Groups, GroupMembers, Overview}, 2, false},
	{PrevPane, []string{"shift+tab"}, "previous pane", "Go to the previous pane", []Scope{Groups, GroupMembers, Overview}, 0, false},
	{Zoom, []string{"z"}, "zoom", "Show the pane alone, with all that it has, or all panes again", []Scope{Overview}, 3, false},

	{ApproveIt, []string{"a"}, "approve", "Approve the marked updates, or the one under the cursor, for computer groups", []Scope{Updates, Update}, 2, true},
	{DeclineIt, []string{"d", "D"}, "decline", "Decline the marked updates, or the one under the cursor, for every group", []Scope{Updates, Update}, 3, true},
	{ReinstateIt, []string{"R"}, "reinstate", "Bring declined updates back as Not Approved", []Scope{Updates, Update}, 0, true},
	{ApproveNow, []string{"a"}, "approve", "Approve the marked updates, or the one under the cursor, for the target; what is wide or warns is shown first", []Scope{Triage}, 1, true},
	{DeclineNow, []string{"d", "D"}, "decline", "Decline the marked updates, or the one under the cursor, for every group; what is wide is shown first", []Scope{Triage}, 2, true},
	{LaterNow, []string{"l"}, "later", "Postpone the marked updates, or the one under the cursor, by 7 days or until something new happens to them", []Scope{Triage}, 3, true},
	{SetTarget, []string{"t"}, "target", "Choose the groups and the deadline that a approves for", []Scope{Triage}, 5, false},
	{LeftOut, []string{"o"}, "left out", "Show what was left out of the queue, and why; or the queue again", []Scope{Triage}, 6, false},
	{ApproveDialog, []string{"A"}, "dialog", "Approve in the dialog: every group with its own action and deadline", []Scope{Triage}, 7, true},
	{LaterUntil, []string{"p"}, "later until", "Postpone by another span, or until a date", []Scope{Triage}, 8, true},
	{BringBack, []string{"b"}, "bring back", "Bring what was postponed back into the queue", []Scope{Triage}, 4, true},
	{Mark, []string{"space"}, "mark", "Mark or unmark the row and move down", []Scope{Updates, Computers, Group, Triage}, 4, false},
	{Filter, []string{"/"}, "filter", "Change the filter; Tab completes, Enter keeps it, Esc leaves the field", []Scope{Updates, Computers, Products, FormProducts, Journal, LogScope, Settings}, 5, false},
	{Views, []string{"f"}, "views", "Choose a view: a filter with a name", []Scope{Updates, Computers, Computer}, 6, false},
	{NextView, []string{"tab"}, "next view", "Go to the next view, to the right in the line of views", []Scope{Updates, Computers}, 9, false},
	{PrevView, []string{"shift+tab"}, "previous view", "Go to the view before", []Scope{Updates, Computers}, 0, false},
	{Columns, []string{"o"}, "columns", "Choose the columns of the view and their order", []Scope{Updates, Computers}, 9, false},
	{SaveView, []string{"F"}, "save view", "Save the filter, the order and the columns as a view of yours", []Scope{Updates, Computers}, 0, false},
	{ShowColumn, []string{"space"}, "show/hide", "Show or hide the column", []Scope{ColumnList}, 1, false},
	{ColumnLeft, []string{"<", "left", "h"}, "left", "Move the column to the left", []Scope{ColumnList}, 2, false},
	{ColumnRight, []string{">", "right", "l"}, "right", "Move the column to the right", []Scope{ColumnList}, 3, false},
	{KeepColumns, []string{"enter"}, "keep", "Keep the columns for this view", []Scope{ColumnList}, 4, false},
	{DefaultColumns, []string{"backspace"}, "default", "Go back to the columns that the list begins with", []Scope{ColumnList}, 5, false},
	{RenameItem, []string{"n"}, "rename", "Give the saved view another name", []Scope{Menu}, 3, false},
	{RemoveItem, []string{"d", "delete"}, "remove", "Remove the saved view", []Scope{Menu}, 4, false},
	{Details, []string{"p"}, "details", "Show or hide the details below the list", []Scope{Updates}, 7, false},
	{Sort, []string{"s"}, "sort", "Choose the column to sort by", []Scope{Updates, Computers}, 8, false},
	{Reverse, []string{"S"}, "reverse", "Reverse the order", []Scope{Updates, Computers}, 0, false},
	{SortNext, []string{">"}, "sort right", "Sort by the next column", []Scope{Updates, Computers}, 0, false},
	{SortPrev, []string{"<"}, "sort left", "Sort by the previous column", []Scope{Updates, Computers}, 0, false},
	{MarkRange, []string{"v"}, "range", "Begin or end a range of marks", []Scope{Updates, Computers, Group, Triage}, 0, false},
	{MarkAll, []string{"*"}, "mark all", "Mark every row that the filter shows", []Scope{Updates, Computers, Group, Triage}, 0, false},
	{MarkNone, []string{"\\"}, "unmark", "Take all marks away", []Scope{Updates, Computers, Group, Triage}, 0, false},
	{ClearFilter, []string{"backspace"}, "default filter", "Go back to the filter that the list begins with", []Scope{Updates, Computers, Journal, LogScope, Settings}, 0, false},
	{NeedingIt, []string{"c"}, "computers", "Show the computers that need the update", []Scope{Updates, Update, Triage}, 0, false},
	{ByComputer, []string{"e"}, "by computer", "Show the update on every computer; Enter explains one", []Scope{Updates, Update, Triage}, 0, false},
	{NeedingGroup, []string{"m"}, "make group", "Make a computer group of the computers that need the marked updates, or the one under the cursor", []Scope{Updates, Update}, 0, true},
	{Acknowledge, []string{"K"}, "acknowledge", "Acknowledge the revision alarm: its difference was looked at", []Scope{Updates, Update}, 0, true},
	{AcceptLicence, []string{"l"}, "licence", "Show the licence terms and accept them", []Scope{Updates, Update}, 0, true},
	{ExplainIt, []string{"e"}, "explain", "Explain what holds for the update on the computer, why, and when it is installed", []Scope{Computer, UpdateComputers}, 2, false},
	{JoinIt, []string{"a"}, "to group", "Put the marked computers, or the one under the cursor, into a group; in a group, put computers into it", []Scope{Computers, Computer, Group}, 5, true},
	{LeaveIt, []string{"t"}, "out of group", "Take the marked computers, or the one under the cursor, out of a group", []Scope{Computers, Computer, Group}, 6, true},
	{MoveComps, []string{"m"}, "move", "Move the marked computers, or the one under the cursor, from one group to another, in one change", []Scope{Computers, Computer, Group}, 6, true},
	{AcceptComp, []string{"A"}, "accept", "Accept the marked computers, or the one under the cursor, that asked to be managed", []Scope{Computers, Computer}, 7, true},
	{RejectComp, []string{"D"}, "reject", "Reject the marked computers, or the one under the cursor: their reports are refused", []Scope{Computers, Computer}, 0, true},
	{PolicyOf, []string{"p"}, "policy", "Show the policy that holds for the computer, and which group it comes from", []Scope{Computers, Computer}, 5, false},
	{PastReports, []string{"h"}, "history", "Show what each of the computer's last reports changed", []Scope{Computers, Computer}, 4, false},
	{Approvals, []string{"A"}, "approvals", "Show what is approved for the group, by itself or by the groups above", []Scope{Groups, Group}, 7, false},
	{ExcludeIt, []string{"x"}, "exclude", "Exclude the marked computers, or the one under the cursor, from a group, whatever else puts them there", []Scope{Computers, Computer, Group}, 8, true},
	{IncludeIt, []string{"i"}, "end exclusion", "End the exclusion of the marked computers, or the one under the cursor", []Scope{Group}, 7, true},

	{AddIt, []string{"a"}, "add", "Add a rule, a computer group or an upstream", []Scope{Rules, Groups, Upstreams}, 2, true},
	{EditIt, []string{"e"}, "edit", "Change the rule, or the upstream: its schedule, its place, its proxy", []Scope{Rules, Rule, Upstreams, Upstream}, 3, true},
	{EnableIt, []string{"space"}, "on/off", "Enable or disable the rule", []Scope{Rules, Rule}, 4, true},
	{RunIt, []string{"R"}, "run", "Run the rule over the whole catalogue, or the cleanup job, after showing what it would do", []Scope{Rules, Rule, Cleanup, CleanupJob}, 5, true},
	{RunAll, []string{"*"}, "run all", "Run every cleanup job, after showing what they would do", []Scope{Cleanup}, 6, true},
	{RenameIt, []string{"n"}, "rename", "Give the group another name", []Scope{Groups}, 3, true},
	{MoveIt, []string{"m"}, "move", "Put the group below another", []Scope{Groups}, 4, true},
	{FormulaIt, []string{"o"}, "formula", "Change the formula that makes computers members", []Scope{Groups}, 5, true},
	{PolicyIt, []string{"p"}, "policy", "Change the policy: Automatic Updates mode, schedule, restarts", []Scope{Groups, Group, ComputerPolicy}, 6, true},
	{ShowGroup, []string{"e"}, "group", "Show the group and its computers", []Scope{ComputerPolicy}, 5, false},
	{RemoveIt, []string{"d", "D"}, "remove", "Remove the rule, the upstream, or the group with its subgroups", []Scope{Rules, Rule, Groups, Upstreams, Upstream}, 7, true},
	{GroupComps, []string{"c"}, "computers", "Show the group's computers in the list of computers, where they can be filtered and sorted", []Scope{Groups, Group}, 8, false},
	{RetractIt, []string{"d", "D"}, "take back", "Take the deployment back, so that its approvals do not count; or let them count again", []Scope{Deployments, Deployment}, 2, true},
	{Span, []string{"space"}, "span", "Look 14, 30, 90 or 7 days ahead", []Scope{Agenda}, 2, false},
	{ConsentIt, []string{"a"}, "consent", "Consent to the change, so that it is made", []Scope{Pending, Proposal}, 2, true},
	{RejectIt, []string{"d", "D"}, "reject", "Reject the change, so that it is not made", []Scope{Pending, Proposal}, 3, true},
	{CheckIn, []string{"c"}, "check in", "Ask the computer to check in now", []Scope{Computers, Computer}, 2, true},
	{InstallNow, []string{"i"}, "install now", "Install what is approved for this computer now, without waiting for its schedule", []Scope{Computers, Computer}, 3, true},
	{Synchronize, []string{"s"}, "synchronize", "Start a synchronization of the upstream now", []Scope{Sync, Overview, Upstreams, Upstream}, 2, true},
	{SwitchBase, []string{"b"}, "base", "Count computers over all updates, or over the approved ones only", []Scope{Overview}, 3, false},
	{ImportFile, []string{"i"}, "import a file", "Import a file that was carried in: an offline scan catalogue or a package of wsusutil export", []Scope{Sync}, 3, true},
	{ToUpstreams, []string{"e"}, "upstreams", "Show the upstreams: where they are, when they are synchronized; add, change and remove them", []Scope{Sync}, 4, false},
	{CancelJob, []string{"x"}, "cancel job", "Cancel the running job", []Scope{Sync, Overview, Upstreams, Upstream}, 3, true},
	{ReportGroup, []string{"c"}, "group", "Narrow the report to the computers of a group", []Scope{Report}, 2, false},
	{ReportQuery, []string{"f"}, "query", "Narrow the report to what a query matches; Tab completes", []Scope{Report}, 3, false},
	{ReportBase, []string{"b"}, "base", "Make the report over all updates, or over the approved ones only", []Scope{Report}, 4, false},
	{SaveReport, []string{"s"}, "save as", "Write the report to a file: text, CSV, JSON, Markdown or HTML", []Scope{Report}, 5, false},
	{Left, []string{"left", "h"}, "columns left", "Show the columns of before", []Scope{Report}, 0, false},
	{Right, []string{"right", "l"}, "more columns", "Show the columns that have no room at the right", []Scope{Report}, 6, false},
	{StopIt, []string{"x"}, "stop", "Stop what is being made, written, searched or verified", []Scope{Report, Journal}, 7, false},
	{VerifyIt, []string{"v"}, "verify", "Verify the whole journal: every hash and the signature of its head", []Scope{Journal}, 3, false},
	{LevelIt, []string{"v"}, "level", "Show everything, from warnings on, or errors only", []Scope{LogScope}, 3, false},
	{Follow, []string{"f"}, "follow", "Follow the end of the log, or stay where the screen is", []Scope{LogScope}, 4, false},
	{WrapIt, []string{"o"}, "wrap", "Wrap long lines, or cut them", []Scope{LogScope}, 5, false},
	{Stamps, []string{"t"}, "times", "Show times, dates too, or none", []Scope{LogScope}, 6, false},
	{Copy, []string{"y"}, "copy", "Copy the identifier to the clipboard (OSC 52)", []Scope{ComputerPolicy, GroupApprovals, Updates, Update, Inspection, Computers, Computer, Groups, Group, UpdateComputers, Rules, Deployments, Sync, Journal, Triage}, 0, false},
	{CopyRow, []string{"Y"}, "copy row", "Copy the row, its columns separated by tabs", []Scope{ComputerPolicy, PastReportList, GroupApprovals, Updates, Computers, Groups, Group, UpdateComputers, Rules, Deployments, Sync, Journal, Cleanup, CleanupJob, Pending, Triage}, 0, false},

	{SearchText, []string{"/"}, "search", "Search the text", []Scope{Scroll, Help}, 2, false},
	{NextMatch, []string{"n"}, "next", "Go to the next match", []Scope{Scroll}, 0, false},
	{PrevMatch, []string{"N"}, "previous", "Go to the previous match", []Scope{Scroll}, 0, false},

	{CycleAction, []string{"space", "right", "l"}, "change", "Change the action of the group: keep, Install, Not Approved, Same as Parent, Uninstall", []Scope{Approve}, 1, false},
	{SetInstall, []string{"i"}, "Install", "Set the group to Install", []Scope{Approve}, 2, false},
	{CycleDue, []string{"t"}, "deadline", "Change the deadline: none, at the next check-in, in 7, 14 or 30 days", []Scope{Approve, Target}, 3, false},
	{CustomDue, []string{"T"}, "other deadline", "Write a deadline, such as 2026-12-01T18:00 or 10d", []Scope{Approve, Target}, 0, false},
	{SetNone, []string{"n"}, "Not Approved", "Set the group to Not Approved", []Scope{Approve}, 0, false},
	{SetInherit, []string{"p"}, "Same as Parent", "Remove the group's own approval, so that the group above decides", []Scope{Approve}, 0, false},
	{SetUninstall, []string{"u"}, "Uninstall", "Set the group to Uninstall", []Scope{Approve}, 0, false},
	{SetKeep, []string{"x", "left", "h"}, "keep", "Keep the group's existing approval", []Scope{Approve}, 0, false},
	{ToChildren, []string{"c"}, "to children", "Put what is set for the group on all groups below it", []Scope{Approve}, 6, false},
	{FindGroup, []string{"/"}, "find", "Show only groups with a text in their names", []Scope{Approve}, 5, false},
	{FoldGroup, []string{"f"}, "fold", "Fold or unfold the groups below", []Scope{Approve}, 7, false},
	{NameIt, []string{"N"}, "name", "Give the deployment a name and a remark, separated by a semicolon", []Scope{Approve}, 0, false},
	{Preview, []string{"enter"}, "preview", "Show what it would do, before it is made", []Scope{Approve, Products}, 4, false},

	{Unfold, []string{"right", "l"}, "unfold", "Show what is below the row; from one that is unfolded, go to the first below it", []Scope{Products, FormProducts}, 4, false},
	{Fold, []string{"left", "h"}, "fold", "Hide what is below the row; from one that is folded, go to what it belongs to", []Scope{Products, FormProducts}, 0, false},
	{NextNew, []string{"n"}, "next new", "Go to the next new product or classification", []Scope{Products, FormProducts}, 6, false},
	{SeeNew, []string{"K"}, "acknowledge", "Acknowledge the new products: they were looked at", []Scope{Products}, 7, true},
	{QueryIt, []string{"o"}, "query", "Change the query that updates must match beside the products", []Scope{Products}, 0, true},

	{Apply, []string{"y"}, "apply", "Make the change", []Scope{Confirm}, 1, true},
	{Choose, []string{"enter"}, "choose", "Take the chosen answer", []Scope{Confirm, Menu, Notice, Help, Target}, 2, false},
	{PlanIt, []string{"p"}, "what would change", "Read a whole file and show what importing it would change", []Scope{Confirm}, 3, false},
	{NextButton, []string{"tab", "left", "right", "h", "l", "shift+tab"}, "other answer", "Go to the other answer", []Scope{Confirm}, 3, false},
	{CancelIt, []string{"esc", "n", "q"}, "cancel", "Change nothing and go back", []Scope{Confirm}, 4, false},

	{NextPage, []string{"enter"}, "next", "Go to the next page; on the last one, finish", []Scope{Form, FormProducts}, 1, false},
	{PrevPage, []string{"esc"}, "back", "Go to the page before; from the first one, leave the wizard", []Scope{Form, FormProducts}, 2, false},
	{Tick, []string{"space"}, "select", "Select or deselect the item", []Scope{Form, Products, FormProducts, Target}, 3, false},
	{NextItem, []string{"down", "tab", "j"}, "next item", "Go to the next item", []Scope{Form}, 4, false},
	{PrevItem, []string{"up", "shift+tab", "k"}, "previous item", "Go to the item before", []Scope{Form}, 0, false},

	{Close, []string{"esc", "q"}, "back", "Close this and go back", []Scope{Approve, Menu, ColumnList, Help, Notice, Target}, 8, false},

	{ToOverview, []string{"1"}, "Overview", "Go to the Overview", []Scope{Global}, 0, false},
	{ToUpdates, []string{"2"}, "Updates", "Go to the updates", []Scope{Global}, 0, false},
	{ToComps, []string{"3"}, "Computers", "Go to the computers", []Scope{Global}, 0, false},
	{ToGroups, []string{"4"}, "Groups", "Go to the computer groups", []Scope{Global}, 0, false},
	{ToDeploy, []string{"5"}, "Deployments", "Go to the deployments", []Scope{Global}, 0, false},
	{ToRules, []string{"6"}, "Rules", "Go to the automatic approval rules", []Scope{Global}, 0, false},
	{ToReports, []string{"7"}, "Reports", "Go to the reports", []Scope{Global}, 0, false},
	{ToSync, []string{"8"}, "Synchronization", "Go to the synchronization", []Scope{Global}, 0, false},
	{ToSettings, []string{"9"}, "Settings", "Go to the settings and the wizards", []Scope{Global}, 0, false},
	{ToJournal, []string{"J"}, "Journal", "Go to the journal: the record of every change", []Scope{Global}, 0, false},
	{ToAgenda, []string{"w"}, "Agenda", "Show the agenda: what will be installed and who will restart, when", []Scope{Global}, 0, false},
	{ToPending, []string{"C"}, "Pending", "Show the changes that wait for the consent of a second person", []Scope{Global}, 0, false},
	{ToCleanup, []string{"X"}, "Cleanup", "Show what cleanup would decline and remove, and what it leaves alone", []Scope{Global}, 0, false},
	{ToProducts, []string{"P"}, "Products", "Choose the products and classifications that updates are wanted for", []Scope{Global}, 0, false},
	{ToTriage, []string{"T"}, "Triage", "Go to the queue of what is to be decided, worst first", []Scope{Global}, 0, false},
	{ToLog, []string{"L"}, "Log", "Show the log of this console", []Scope{Global}, 0, false},
	{Undo, []string{"u"}, "undo", "Take the last change back, or in the journal the one under the cursor", []Scope{Global}, 0, true},
	{Back, []string{"esc"}, "back", "Go back by one step", []Scope{Global}, 9, false},
	{Quit, []string{"q"}, "quit", "Go back; from a screen itself, quit (Ctrl-C quits from anywhere)", []Scope{Global}, 11, false},
	{LastView, []string{"-"}, "last view", "Go to the screen of before", []Scope{Global}, 0, false},
	{Palette, []string{":"}, "command", "Type a command; Tab completes", []Scope{Global}, 10, false},
	{HelpMe, []string{"?", "f1"}, "help", "Show all keys and the glossary", []Scope{Global, Approve, Form, FormProducts, Confirm, Menu, ColumnList, Notice, Target}, 10, false},
	{Reload, []string{"r"}, "refresh", "Read the screen again, in its order", []Scope{Global}, 0, false},
	{Redraw, []string{"ctrl+l"}, "redraw", "Draw the screen again", []Scope{Global, Approve, Form, FormProducts, Confirm, Menu, ColumnList, Notice, Help, Target}, 0, false},
	{Suspend, []string{"ctrl+z"}, "suspend", "Go to the shell; fg comes back (where there is job control)", []Scope{Global}, 0, false},
}

// ScopeTitles are the headings of the scopes in help and docs, in their order.
var ScopeTitles = []struct {
	Scope Scope
	Title string
}{
	{Overview, "Overview"}, {Updates, "Updates"}, {Update, "Details of an update"}, {Inspection, "What is behind an update"}, {Computers, "Computers"}, {Computer, "Details of a computer"}, {ComputerPolicy, "The policy of a computer"}, {PastReportList, "The reports of a computer"}, {PastReport, "A report of a computer"}, {Explanation, "An explanation"},
	{UpdateComputers, "An update by computer"}, {Groups, "Groups"}, {Group, "A group and its computers"}, {GroupMembers, "The computers beside the groups"}, {GroupApprovals, "The approvals of a group"}, {Deployments, "Deployments"}, {Deployment, "A deployment"},
	{Rules, "Rules"}, {Rule, "A rule"}, {Pending, "Changes that wait for consent"}, {Proposal, "A change that waits"}, {Agenda, "Agenda"}, {Cleanup, "Cleanup"}, {CleanupJob, "A cleanup job"},
	{Products, "Products and classifications"}, {Sync, "Synchronization"}, {Run, "A synchronization"}, {Report, "A report"}, {Journal, "Journal"},
	{Triage, "Triage"}, {Target, "The target of triage"},
	{ColumnList, "Choosing columns"},
	{LogScope, "Log"},
	{Upstreams, "Upstreams"}, {Upstream, "An upstream"},
	{List, "Every list"}, {Scroll, "Every text"}, {Approve, "Approving"}, {Confirm, "Confirming"}, {Form, "Wizards"}, {FormProducts, "Products in a wizard"}, {Menu, "Menus"}, {Help, "Help"}, {Notice, "Messages"}, {Global, "Everywhere"},
}
