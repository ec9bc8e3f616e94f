package model

// Term is one entry of the glossary.
type Term struct {
	Word    string
	Meaning string
}

// Glossary is the vocabulary that code, screen and help use: one word per
// thing, one thing per word.
func Glossary() []Term {
	return []Term{
		{"update", "a software package that fixes an issue with a specific operating system or application; it has a classification, products, a severity and revisions"},
		{"security update", "an update that helps protect from exploitation"},
		{"required update", "an update of Fettle itself; shown first, and while one is open, approving others warns"},
		{"revision", "one published version of an update's metadata"},
		{"withdrawn", "said of an update whose version its archive no longer offers: it cannot be installed any more; a notice offers its successor"},
		{"classification, product", "the two category kinds: what sort of update it is, and what it is for"},
		{"upstream", "where the catalogue comes from"},
		{"synchronization", "bringing the catalogue into step with the upstream: initial the first time, incremental after"},
		{"content", "the payload files of updates; the content store holds those kept locally"},
		{"managed computer", "a computer that reports here"},
		{"computer group", "All Computers, Unassigned Computers, the predefined dynamic groups, and groups made by the administrator, static or dynamic"},
		{"policy", "a group's agent settings: Automatic Updates mode, installation schedule, restart policy; the deepest group wins"},
		{"approval", "what a group says of an update: Install, Uninstall or Not Approved, with an optional deadline"},
		{"decline", "take an update out of sight and out of evaluation, for every group"},
		{"triage", "the queue of what is to be decided, worst first: updates that are needed and for which nothing is in effect on all the computers that need them"},
		{"postponed", "said of an update that is to be decided later: it is out of the queue of triage until then, or until something new happens to it"},
		{"deployment", "one act of approving several updates for several groups; it has a name, an author, a time and perhaps a deadline, and its progress can be followed"},
		{"deadline", "the instant by which an approved update must be installed"},
		{"automatic approval rule", "classifications and products whose new updates are approved for groups by themselves"},
		{"revision alarm", "a notice that a revision changed what an approved update applies to, its products or its licence; the difference is shown, and acknowledged"},
		{"held back", "said of an approval that stayed with an older revision: nothing is installed until the update is approved again"},
		{"licence terms", "what must be accepted before an update can be approved; a revision with other terms asks again"},
		{"bundle", "an update that consists of others; declining it declines those"},
		{"consent", "the word of a second person, for which some changes wait; until then nothing of them is in force"},
		{"agenda", "what will be installed and who will restart in the next days, and what will not happen by itself"},
		{"cleanup", "six jobs that decline or remove what nobody needs; each candidate has its reason, each survivor what saved it"},
		{"installation state", "Unknown, NotApplicable, NotInstalled, Downloaded, Installed, Failed or InstalledPendingReboot; it changes only when a computer reports"},
		{"needed", "the update applies and is not installed, or not yet in effect because a restart is pending"},
		{"no status", "the computer has not reported on the update"},
		{"check-in, cycle", "an agent's contact with the server: every 22 hours, less 0 to 20 %"},
		{"Automatic Updates mode", "how a computer installs approved updates: scheduled, download (and ask), notify, or disabled"},
		{"notice", "something in the Overview that wants attention, with the key that takes you to the remedy"},
		{"plan", "what a change would do, computed before it is made; for a computer, the exact list that it is to install"},
		{"journal", "the tamper-evident record of every change"},
	}
}
