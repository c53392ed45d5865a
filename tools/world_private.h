/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_WORLD_PRIVATE_H
#define TOOLS_WORLD_PRIVATE_H

/* The world's inside. One mutex guards all of it.
 *
 * Each deal has a list of what is to come for it. A node's thread takes the deal whose next thing is the earliest, is
 * told that one thing, and says when it is done: so a deal is in one thread at a time, and its things happen in the
 * order of their times. Deals with a common channel are one at a time, too: what one is told of its funds is the same for
 * any number of threads. A thread that answers an op within its call asks for this deal's things up to the answer: the
 * same order for the deal, while others with its channel stay behind. */

#include <pthread.h>

#include "dice.h"
#include "world.h"

enum {
    ADDRESS_LEN = 21, /* of a payment channel: protocol 2 */
    CID_LEN = 38,     /* of a message: version 1, dag-cbor, blake2b-256 */
    PAYLOAD_LEN = 36, /* made-up CIDs: version 1, dag-pb, sha2-256 */
    SECRET_LEN = 32
};

/* ---- Things to come */

typedef enum thing_kind {
    THING_RESUME, /* the first thing of a deal that is in the node's store */
    THING_START,  /* create the deal and open it */
    THING_TURN,   /* the provider's turn */
    THING_EVENT,  /* what it said in its turn */
    THING_ANSWER, /* an op's answer; freed afterwards. Not kept: the op is asked again */
    THING_REPEAT, /* the same answer again; not kept */
    THING_LANDS,  /* a message is on chain, or given up */
    THING_RETRY,  /* the node asks a stalled deal to go on */
    THING_TOP_UP, /* the client tops up the channel, if the deal still waits for money then */
    THING_MONEY   /* money has come to the channel; not kept: a deal that comes back and waits is told again */
} thing_kind;

typedef struct thing {
    uint64_t time;
    uint64_t order; /* among equal times */
    thing_kind what;
    bool sent;         /* the node has it, but it is not known to be durable */
    uint64_t base;     /* sent: the deal's revision then */
    uint64_t promised; /* sent: the revision that makes it durable, 0: not known */
    size_t message;    /* THING_LANDS: index */
    reply *reply;      /* THING_ANSWER, THING_REPEAT: owned */
    outside event;     /* THING_EVENT */
} thing;

/* ---- The chain */

typedef struct lane {
    uint64_t deal;
    uint64_t nonce;       /* of the last voucher granted, 0: none */
    uint64_t taken_nonce; /* of the best voucher that the provider has */
    mpz_t granted;        /* best voucher that was signed */
    mpz_t held;           /* best voucher that the provider has */
    mpz_t before;         /* the one it had before */
    bool changed;         /* since it was written down */
} lane;

typedef struct channel {
    size_t client;
    size_t provider;
    uint8_t address[ADDRESS_LEN];
    uint8_t secret[SECRET_LEN]; /* what its vouchers are signed with */
    bool exists;                /* a message has landed */
    bool busy;                  /* one of its deals is in the hands of a thread */
    struct world_deal *parked;  /* deals whose turn has come meanwhile, a list */
    uint64_t begins;            /* when the first deal of the pair starts, microseconds */
    mpz_t funds;                /* confirmed */
    mpz_t pending;              /* in messages that have not landed */
    uint64_t arrivals;          /* messages that have landed */
    uint64_t arrived;           /* when the last one did, microseconds */
    struct world_deal *waiting; /* deals that were short of funds after their last step, a list */
    mpz_t granted;              /* sum over the lanes */
    lane *lanes;                /* the index is the lane's number */
    size_t lane_count;
    size_t lane_room;
} channel;

typedef struct message {
    uint8_t cid[CID_LEN];
    uint64_t lands; /* when it is on chain, microseconds */
    bool lost;
    bool top_up; /* by the client, not by the deal */
    mpz_t amount;
} message;

/* ---- Deals */

/* An op that was asked: its key, what was asked, and what is needed to give the same answer again. */
typedef struct asked {
    uint64_t sequence;
    uint32_t op;
    uint32_t nth;
    uint64_t args;     /* hash of the arguments, without the chain token */
    uint64_t at;       /* when it was asked: first, or first after a retry */
    uint64_t answered; /* when the answer comes */
    uint32_t attempt;  /* retries that led to it */
    uint32_t told;     /* outcome of that answer, 0: it never comes */
    uint32_t asks;     /* how often it was asked */
    uint32_t effects;  /* how often it had its effect, class once */
    uint32_t outcome;  /* of the effect, class once */
    bool flag;         /* GetOrCreatePaymentChannel: it existed */
    uint64_t number;   /* transfer, message, lane or nonce */
    char *text;        /* of an error, or NULL */
    reply *kept;       /* what was told of a channel's funds, which others change meanwhile, or NULL */
    bool changed;      /* since it was written down */
} asked;

typedef enum stage { STAGE_ANSWER, STAGE_SEND, STAGE_LAST, STAGE_REPEAT, STAGE_WAIT, STAGE_COMPLETE, STAGE_END } stage;

/* A provider as one deal sees it. */
typedef struct serving {
    scenario_habit habit;
    stage stage;
    stage after;      /* where to go on from STAGE_REPEAT */
    uint64_t latency; /* microseconds, one way */
    uint64_t strikes; /* bytes sent after which a habit shows */
    bool struck;
    uint64_t turn;     /* order of the turn that counts; others were overtaken */
    bool again;        /* this report was made once already */
    bool asked_ahead;  /* the payment for the present interval was asked for before its end */
    bool last;         /* the last payment was asked for */
    bool closed;       /* by the client */
    uint64_t sent;     /* bytes */
    uint64_t paid;     /* bytes paid for */
    uint64_t asked;    /* bytes asked for */
    uint64_t interval; /* bytes, as the client reckons it */
    mpz_t owed;        /* the last request */
    mpz_t due;         /* all requests that were meant */
} serving;

typedef struct world_deal {
    uint64_t id;
    uint64_t now;
    size_t client;
    size_t provider;
    size_t retrieval;
    uint8_t payload[PAYLOAD_LEN];
    uint64_t size;
    uint64_t interval;
    uint64_t increase;
    mpz_t price;
    mpz_t unseal;
    mpz_t funds;
    bool sealed;
    bool running; /* in the hands of a thread */
    bool parked;  /* in its channel's list; next_parked: the one after it */
    struct world_deal *next_parked;
    size_t heap_at;    /* place in the heap + 1, 0: not in it */
    dice node;         /* for the op that is asked */
    uint64_t revision; /* durable, as the node last said */
    serving serving;
    channel *channel;
    uint64_t transfer; /* id, 0: none */
    uint64_t vouchers;
    bool in_flight;
    uint32_t silent; /* op that was never answered, 0: none */
    mpz_t added;
    mpz_t topped_up;
    bool tops_up;        /* its client tops up the channel for it */
    bool short_of_funds; /* it waits for money, as the node last said; false while it is at something */
    bool waiting;        /* in its channel's list; next_waiting: the one after it */
    struct world_deal *next_waiting;
    uint64_t seen;   /* arrivals at its channel when it last looked at the funds */
    bool settled;    /* whether and when its client tops up was settled since */
    uint64_t told;   /* arrivals at its channel of which the step under way tells it, or 0 */
    uint64_t orders; /* things so far */
    thing *things;
    size_t thing_count;
    size_t thing_room;
    asked *asked;
    size_t asked_count;
    size_t asked_room;
    message *messages;
    size_t message_count;
    size_t messages_written;
} world_deal;

struct world {
    world_options options;
    const scenario *scenario;
    pthread_mutex_t mutex;
    struct world_file *file; /* or NULL */
    world_deal *deals;       /* of id 1 … */
    world_deal **heap;       /* deals by the time of their next thing */
    size_t heap_count;
    uint64_t busy;      /* deals in the hands of threads */
    channel *channels;  /* client by client */
    mpz_t *wallets;     /* of clients */
    mpz_t nothing;      /* zero, to point at */
    const char *broken; /* out of memory, or the books cannot be written: the run ends */
};

/* world_time.c */
/* Room for one more; NULL: no memory. */
thing *time_add(world *w, world_deal *d);
thing *time_schedule(world *w, world_deal *d, uint64_t time, thing_kind what);
void time_wake(world *w, world_deal *d);
void time_remove(world_deal *d, size_t at);
void trace(const world *w, const world_deal *d, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* world_deal.c */
bool deal_make(world *w, world_deal *d, uint64_t id);
void deal_free(world_deal *d);

/* world_node.c */
void node_ask(world *w, world_deal *d, const dealfsm_op *op, world_asked *out);

/* world_file.c: what is written down of a world, so that it goes on where it was. */
/* Writes a deal, and what it shares with others, before anybody hears of it. */
void file_save(world *w, world_deal *d);
void file_close(world *w);
void world_break(world *w, const char *why);

/* world_chain.c, world_lanes.c: effects of ops. Each fills the reply, or sets an error; true: something was done. */
typedef bool effect(world *w, world_deal *d, const dealfsm_op *op, reply *r, asked *key);
effect chain_get_or_create, chain_allocate_lane, chain_create_voucher, chain_available_funds, chain_head;
/* When the wait for a message, asked at `at`, is over; fills the reply. */
uint64_t chain_wait(const world *w, const world_deal *d, const dealfsm_op *op, uint64_t at, reply *r);
/* The voucher's lane and amount, if it is one of ours, for this channel; NULL: not. */
lane *chain_verify(const channel *c, const uint8_t *voucher, size_t len, mpz_t amount, uint64_t *nonce);
void chain_lands(world *w, world_deal *d, size_t number);
/* Of the messages with money on their way to the channel, whoever sent them, the one that lands last; NULL: none. */
const message *chain_last_pending(const world *w, const channel *c);
/* One more of the channel, of the deal; NULL: no memory. */
lane *chain_new_lane(channel *c, uint64_t deal);
message *chain_new_message(world *w, world_deal *d);
/* Sends a message with money from the deal's wallet to its channel. Its fate is rolled by d->node: when it lands, whether
 * twice, whether at all. NULL: no memory. */
message *chain_send(world *w, world_deal *d, const mpz_t amount);
bool chain_make(world *w);
void chain_free(world *w);
/* Makes a known answer again. */
void chain_again(const world_deal *d, const dealfsm_op *op, const asked *key, reply *r);

/* world_funds.c */
/* Does its client top up the channel for this deal? */
bool funds_tops_up(const world *w, const world_deal *d);
/* The deal's next step goes to the node. */
void funds_step(world_deal *d, const world_step *step);
/* ... and is done: does the deal wait for money now? */
void funds_step_done(world *w, world_deal *d, bool short_of_funds);
/* A message of the deal with money has landed. */
void funds_arrive(world *w, world_deal *d);
/* The client tops up. */
void funds_top_up(world *w, world_deal *d);
/* A node begins. */
void funds_forget(world_deal *d);

/* world_provider.c */
/* The provider's turn: true when it says something. */
bool provider_turn(world *w, world_deal *d, uint64_t order, outside *say);
/* The proposal came; answered: when the client's node is answered. */
void provider_hears(world *w, world_deal *d, uint64_t answered);
/* A voucher came; at: when the provider can react. */
void provider_takes(world *w, world_deal *d, lane *l, const mpz_t amount, uint64_t nonce, uint64_t at);
const char *provider_waits(const world_deal *d);

void voucher_make(const channel *c, const dealfsm_op *op, uint64_t nonce, reply *r);
/* A number, big-endian. */
void chain_number(uint64_t number, uint8_t bytes[8]);
bool value_is(const dealfsm_value *v, const uint8_t *data, size_t len);

/* world_reply.c */
reply *reply_copy(const reply *r);
/* Fills the reply with the outcome and values of another one, wherever those lie. */
void reply_take(reply *r, const reply *from);
/* Hash of an op's arguments, without the chain token. */
uint64_t asked_args(const dealfsm_op *op);
asked *asked_find(const world_deal *d, const dealfsm_op *op);
/* Room for one more, zeroed; NULL: no memory. */
asked *asked_add(world *w, world_deal *d);
void reply_error(reply *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void reply_bytes(reply *r, uint32_t kind, const uint8_t *data, size_t len);
void reply_number(reply *r, uint32_t kind, uint64_t number);
void reply_amount(reply *r, const mpz_t amount);

#endif
