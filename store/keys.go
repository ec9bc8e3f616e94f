package store

import (
	"encoding/binary"

	"fettle/model"
)

// Key kinds; see the package comment.
const (
	kindMeta       = 'm'
	kindUpdate     = 'u'
	kindUpdateID   = 'i'
	kindRevision   = 'v'
	kindCategory   = 'k'
	kindUpstream   = 's'
	kindAnchor     = 'a'
	kindRun        = 'r'
	kindGroup      = 'g'
	kindDeployment = 'd'
	kindComputer   = 'c'
	kindComputerID = 'p'
	kindInventory  = 'n'
	kindStatus     = 't'
	kindEntry      = 'j'
	kindRule       = 'o'
	kindLicence    = 'l'
	kindAlarm      = 'w'
	kindProposal   = 'q'
	kindDocument   = 'f'
	kindBlock      = 'b'
	kindStaged     = 'y'
	kindPostponed  = 'z'
	kindDay        = 'h'
	kindPast       = 'e'
)

// Names of the meta records.
const (
	metaSchema    = "schema"    // uint: version of this layout
	metaSeq       = "seq"       // uint: the change sequence
	metaSetup     = "setup"     // model.Setup
	metaSettings  = "settings"  // model.Settings
	metaDeclined  = "declined"  // sorted numbers of declined updates
	metaHead      = "head"      // head of the journal
	metaGroups    = "groups"    // uint: the last group number given out
	metaComputers = "computers" // uint: the highest number ever given to a computer
	metaPlans     = "plans"     // uint: the last installation plan number reserved
	metaRemoved   = "removed"   // sorted numbers of updates that cleanup removed
	metaContent   = "content"   // sorted numbers of updates all of whose files the content store has
	metaTrim      = "trim"      // sorted numbers of updates whose older revisions are still to be removed
	metaOptions   = "options"   // model.Options
	metaRules     = "rules"     // uint: the last number given to a rule
	metaRuled     = "ruled"     // uint: the highest update number that automatic approval rules have seen
	metaProposals = "proposals" // uint: the last number given to a proposal
	metaBlocks    = "blocks"    // uint: the last block of documents in force
	metaSwitch    = "switch"    // switchRecord: a generation that is coming into force
)

func keyMeta(name string) []byte               { return append([]byte{kindMeta}, name...) }
func keyUpdate(n uint32) []byte                { return key32(kindUpdate, n) }
func keyUpdateID(id model.UpdateID) []byte     { return append([]byte{kindUpdateID}, id...) }
func keyCategory(id model.CategoryID) []byte   { return append([]byte{kindCategory}, id...) }
func keyUpstream(name string) []byte           { return append([]byte{kindUpstream}, name...) }
func keyAnchor(name string) []byte             { return append([]byte{kindAnchor}, name...) }
func keyRun(id uint64) []byte                  { return key64(kindRun, id) }
func keyGroup(id model.GroupID) []byte         { return append([]byte{kindGroup}, id...) }
func keyDeployment(id uint64) []byte           { return key64(kindDeployment, id) }
func keyComputer(n uint32) []byte              { return key32(kindComputer, n) }
func keyComputerID(id model.ComputerID) []byte { return append([]byte{kindComputerID}, id...) }
func keyInventory(n uint32) []byte             { return key32(kindInventory, n) }
func keyStatus(n uint32) []byte                { return key32(kindStatus, n) }
func keyEntry(seq uint64) []byte               { return key64(kindEntry, seq) }
func keyPastReports(n uint32) []byte           { return key32(kindPast, n) }

func keyDay(day int32) []byte      { return key32(kindDay, uint32(day)) }
func keyRule(id uint64) []byte     { return key64(kindRule, id) }
func keyLicence(n uint32) []byte   { return key32(kindLicence, n) }
func keyAlarm(n uint32) []byte     { return key32(kindAlarm, n) }
func keyProposal(id uint64) []byte { return key64(kindProposal, id) }
func keyPostponed(n uint32) []byte { return key32(kindPostponed, n) }

func keyRevision(n, rev uint32) []byte {
	return binary.BigEndian.AppendUint32(key32(kindRevision, n), rev)
}

func key32(kind byte, n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{kind}, n) }
func key64(kind byte, n uint64) []byte { return binary.BigEndian.AppendUint64([]byte{kind}, n) }

func number32(key []byte) uint32 { return binary.BigEndian.Uint32(key[1:]) }
func number64(key []byte) uint64 { return binary.BigEndian.Uint64(key[1:]) }
