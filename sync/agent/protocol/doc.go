// Package protocol is what a managed Linux computer and its server say to each
// other: types, their encoding and the signature of plans. It does no input or
// output, so that both ends, the network between them and the simulated fleet
// share it.
//
// A cycle is a conversation of requests and answers, begun by the agent:
//
//	Report  -> Ack        who I am, what I need; the server names the updates
//	                      behind the packages and says whose closures it wants
//	Decide  -> Decisions  what installing those would do here; the server
//	                      answers with approvals, policy and the signed plan
//	Event   -> ok         what was downloaded, installed, refused, restarted;
//	                      sent again until it is acknowledged
//	Await   -> Awaited    between cycles, on a conversation of its own: answered
//	                      when something else is decided than the computer knows
//
// The agent says packages, the server says updates: only the server has the
// catalogue. Decide is asked again right before an installation, so that an
// approval withdrawn meanwhile stops it (semantics 3.2).
//
// Every message carries Version; field numbers are for ever, as in model.
// Decode refuses what is larger, deeper or longer than a message can honestly
// be, before anything is allocated for it (peers 4d.7).
package protocol
