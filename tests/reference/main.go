/* SPDX-License-Identifier: MIT OR Apache-2.0 */

// The 14-event path of dealfsm-bench through the reference: go-statemachine with the machine of go-fil-markets v0.5.6,
// as it is. Deals are kept in a datastore in memory, each step of the path handed to all of them before the next; or in
// LevelDB with every write synced, as nodes have it, each deal going on as soon as it can. The environment answers inside
// each call.
//
//	reference -deals N -seconds S [-leveldb DIR]
//
// prints one JSON object: deals (in flight at a time), events, ns_per_event and cpu_ns_per_event (of all processors) of each
// round, go (version), threads.
package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/namespace"
	dss "github.com/ipfs/go-datastore/sync"
	leveldb "github.com/ipfs/go-ds-leveldb"
	cbg "github.com/whyrusleeping/cbor-gen"

	"github.com/filecoin-project/go-address"
	datatransfer "github.com/filecoin-project/go-data-transfer"
	rm "github.com/filecoin-project/go-fil-markets/retrievalmarket"
	"github.com/filecoin-project/go-fil-markets/retrievalmarket/impl/clientstates"
	"github.com/filecoin-project/go-fil-markets/shared"
	"github.com/filecoin-project/go-multistore"
	"github.com/filecoin-project/go-statemachine/fsm"
	"github.com/filecoin-project/specs-actors/actors/abi"
	"github.com/filecoin-project/specs-actors/actors/builtin/paych"
	"github.com/libp2p/go-libp2p-core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

const eventsPerDeal = 14

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
	return value
}

func bytesOf(text string) []byte { return must(hex.DecodeString(text)) }

// ---- The path: first line of the golden traces of v0.5.6.

var (
	payloadCID = must(cid.Cast(bytesOf("0171a0e402204d9b09e4d21b0630eb14c0ec66c806795fbf37a23496648db15b55412f9c8e1c")))
	pieceCID   = must(cid.Cast(bytesOf("0171a0e40220bc96bcfd3bc3c8893239495616857e71ddea8830a60d4cd38bea6f617b3dc0ab")))
	messageCID = must(cid.Cast(bytesOf("0171a0e402208a58692aaba1aed38a228de944a67ce6811a5b97c69470c5f7105c2c3a96eb2a")))
	client     = must(address.NewFromBytes(bytesOf("0319f8514c2f521a45a1fe3c753728e38014f58b6a2e105c9a1f3351f240aaae3b5e9d3465546dca0e0b1d6928b858e8a4")))
	miner      = must(address.NewFromBytes(bytesOf("0000")))
	channel    = must(address.NewFromBytes(bytesOf("0317bc3847171aaa2965671f7cd561386f252dcc45c5d6317124356f1888933c13a5ee26222b7249e841f88408a1b3fa43")))
	selector   = bytesOf("a16152a2616ca1646e6f6e65a0623a3ea16161a1613ea16140a0")
	token      = shared.TipSetToken(bytesOf("40d60adf75bd"))
	transfer   = datatransfer.ChannelID{
		Initiator: peer.ID(bytesOf("1220df25b897d3d9e09653bd3598e9a696404df9b7b1cf13cd14b4ca6c3f2d00d5f1")),
		Responder: peer.ID(bytesOf("c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3")),
		ID:        9223372036854775807,
	}
	voucher = readVoucher("8b5502e01dbce7594743c1a066f897001d7b0790e3e911000040f6051b000006dae504bccd4400c828da0080f6")
)

func readVoucher(text string) *paych.SignedVoucher {
	var v paych.SignedVoucher
	err := v.UnmarshalCBOR(bytes.NewReader(bytesOf(text)))
	return must(&v, err)
}

func newDeal(id rm.DealID) *rm.ClientDealState {
	store := multistore.StoreID(271955163)
	return &rm.ClientDealState{
		DealProposal: rm.DealProposal{
			PayloadCID: payloadCID,
			ID:         id,
			Params: rm.Params{
				Selector:                &cbg.Deferred{Raw: selector},
				PieceCID:                &pieceCID,
				PricePerByte:            abi.NewTokenAmount(2),
				PaymentInterval:         100,
				PaymentIntervalIncrease: 50,
				UnsealPrice:             abi.NewTokenAmount(0),
			},
		},
		StoreID:          &store,
		TotalFunds:       abi.NewTokenAmount(100000),
		ClientWallet:     client,
		MinerWallet:      miner,
		CurrentInterval:  100,
		PaymentRequested: abi.NewTokenAmount(0),
		FundsSpent:       abi.NewTokenAmount(0),
		UnsealFundsPaid:  abi.NewTokenAmount(0),
	}
}

// What is handed in, and how many events a deal has seen when that is done.
var path = []struct {
	event rm.ClientEvent
	args  []interface{}
	upTo  int
}{
	{rm.ClientEventOpen, nil, 2},
	{rm.ClientEventDealAccepted, nil, 5},
	{rm.ClientEventBlocksReceived, []interface{}{uint64(100)}, 6},
	{rm.ClientEventPaymentRequested, []interface{}{abi.NewTokenAmount(200)}, 9},
	{rm.ClientEventBlocksReceived, []interface{}{uint64(180)}, 10},
	{rm.ClientEventAllBlocksReceived, nil, 11},
	{rm.ClientEventLastPaymentRequested, []interface{}{abi.NewTokenAmount(160)}, 13},
	{rm.ClientEventComplete, nil, eventsPerDeal},
}

// ---- The environment

type environment struct{}

func (environment) Node() rm.RetrievalClientNode { return node{} }
func (environment) OpenDataTransfer(context.Context, peer.ID, *rm.DealProposal) (datatransfer.ChannelID, error) {
	return transfer, nil
}
func (environment) SendDataTransferVoucher(context.Context, datatransfer.ChannelID, *rm.DealPayment) error {
	return nil
}
func (environment) CloseDataTransfer(context.Context, datatransfer.ChannelID) error { return nil }

type node struct{}

func (node) GetChainHead(context.Context) (shared.TipSetToken, abi.ChainEpoch, error) {
	return token, 0, nil
}
func (node) GetOrCreatePaymentChannel(context.Context, address.Address, address.Address, abi.TokenAmount, shared.TipSetToken) (address.Address, cid.Cid, error) {
	return address.Undef, messageCID, nil
}
func (node) AllocateLane(address.Address) (uint64, error) { return 521, nil }
func (node) CreatePaymentVoucher(context.Context, address.Address, abi.TokenAmount, uint64, shared.TipSetToken) (*paych.SignedVoucher, error) {
	return voucher, nil
}
func (node) WaitForPaymentChannelAddFunds(cid.Cid) error { return nil }
func (node) WaitForPaymentChannelCreation(cid.Cid) (address.Address, error) {
	return channel, nil
}
func (node) GetKnownAddresses(context.Context, rm.RetrievalPeer, shared.TipSetToken) ([]ma.Multiaddr, error) {
	return nil, nil
}

// ---- Rounds

// Counts down the events that a step of the path still has to bring.
type awaited struct {
	mutex sync.Mutex
	left  int
	done  chan struct{}
}

func (a *awaited) start(events int) {
	a.mutex.Lock()
	a.left = events
	a.mutex.Unlock()
}

func (a *awaited) count() {
	a.mutex.Lock()
	a.left--
	last := a.left == 0
	a.mutex.Unlock()
	if last {
		a.done <- struct{}{}
	}
}

// How deals go the path: each step on all of them before the next; or each deal on its own, its next event handed in as
// soon as it has told of the one before.
type way struct {
	awaited
	onward bool
	first  int
	events []int    // told by each deal
	steps  chan int // deals whose next step is due; one sender, for a notifier must not wait
}

func newWay(onward bool, first, deals int) *way {
	return &way{awaited{done: make(chan struct{}, 1)}, onward, first, make([]int, deals), make(chan int, deals)}
}

// The step that begins after so many events; -1: none does.
func stepAfter(events int) int {
	for k, step := range path {
		if k+1 < len(path) && step.upTo == events {
			return k + 1
		}
	}
	return -1
}

func (w *way) notify(_ fsm.EventName, state fsm.StateType) {
	if w.onward {
		deal := int(state.(rm.ClientDealState).ID)
		w.events[deal-w.first]++
		if stepAfter(w.events[deal-w.first]) >= 0 {
			w.steps <- deal // there is room for all deals
		}
	}
	w.count()
}

func send(group fsm.Group, deal, k int) {
	must(0, group.Send(rm.DealID(deal), path[k].event, path[k].args...))
}

func (w *way) stepByStep(group fsm.Group) {
	for k, step := range path {
		before := 0
		if k > 0 {
			before = path[k-1].upTo
		}
		w.start((step.upTo - before) * len(w.events))
		for i := range w.events {
			send(group, w.first+i, k)
		}
		<-w.done
	}
}

func (w *way) eachOnward(group fsm.Group) {
	w.start(eventsPerDeal * len(w.events))
	for i := range w.events {
		send(group, w.first+i, 0)
	}
	for {
		select {
		case deal := <-w.steps:
			send(group, deal, stepAfter(w.events[deal-w.first]))
		case <-w.done:
			return
		}
	}
}

// What all processors together have worked for this process.
func worked() time.Duration {
	var usage syscall.Rusage
	must(0, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// One round: `deals` deals, whose ids nobody had before, go the path side by side. Returns the time of the events alone,
// and the processors' work.
func round(store datastore.Batching, onward bool, first, deals int) (time.Duration, time.Duration) {
	way := newWay(onward, first, deals)
	group := must(fsm.New(store, fsm.Parameters{
		Environment:     environment{},
		StateType:       rm.ClientDealState{},
		StateKeyField:   "Status",
		Events:          clientstates.ClientEvents,
		StateEntryFuncs: clientstates.ClientStateEntryFuncs,
		FinalityStates:  clientstates.ClientFinalityStates,
		Notifier:        way.notify,
	}))
	for i := first; i < first+deals; i++ {
		must(0, group.Begin(rm.DealID(i), newDeal(rm.DealID(i))))
	}
	work, start := worked(), time.Now()
	if onward {
		way.eachOnward(group)
	} else {
		way.stepByStep(group)
	}
	took, work := time.Since(start), worked()-work
	checkEnd(group, first, deals)
	must(0, group.Stop(context.Background()))
	return took, work
}

func checkEnd(group fsm.Group, first, deals int) {
	for i := first; i < first+deals; i++ {
		var deal rm.ClientDealState
		must(0, group.GetSync(context.Background(), rm.DealID(i), &deal))
		if deal.Status != rm.DealStatusCompleted || deal.FundsSpent.Uint64() != 360 || deal.BytesPaidFor != 180 {
			must(0, fmt.Errorf("deal %d ended in status %d with %s attoFIL spent for %d bytes, expected 15, 360 and 180",
				i, deal.Status, deal.FundsSpent, deal.BytesPaidFor))
		}
	}
}

// In memory, a new one for each round; or the one in the folder.
func stores(folder string) func() datastore.Batching {
	if folder == "" {
		return func() datastore.Batching { return dss.MutexWrap(datastore.NewMapDatastore()) }
	}
	database := must(leveldb.NewDatastore(folder, nil)) // syncs every write
	deals := namespace.Wrap(database, datastore.NewKey("/retrievals/client"))
	return func() datastore.Batching { return deals }
}

func main() {
	deals := flag.Int("deals", 100, "deals at a time")
	seconds := flag.Float64("seconds", 3, "how long to measure")
	folder := flag.String("leveldb", "", "folder for a LevelDB; else in memory")
	flag.Parse()
	store := stores(*folder)
	rounds, works := []float64{}, []float64{}
	events := 0
	round(store(), *folder != "", 0, *deals) // warms up
	next := *deals
	for end := time.Now().Add(time.Duration(*seconds * 1e9)); len(rounds) == 0 || time.Now().Before(end); {
		count := eventsPerDeal * *deals
		took, work := round(store(), *folder != "", next, *deals)
		rounds = append(rounds, float64(took.Nanoseconds())/float64(count))
		works = append(works, float64(work.Nanoseconds())/float64(count))
		events += count
		next += *deals
	}
	must(0, json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"deals": *deals, "events": events, "ns_per_event": rounds, "cpu_ns_per_event": works,
		"go": runtime.Version(), "threads": runtime.GOMAXPROCS(0),
	}))
}
