/* A cable between two network namespaces that delays, loses, duplicates, reorders and throttles. It stands in for `tc netem`,
 * which not every kernel has: it makes a TAP device in each namespace and carries frames between them.
 *
 *   wire NAMESPACE_A INTERFACE_A NAMESPACE_B INTERFACE_B FILE
 *
 * FILE has one line of `name=value` words, read at the start and again on SIGHUP; what is not named is 0 (queue: 1000):
 *   delay=MS jitter=MS loss=PERCENT burst=FRAMES rate=MBIT dup=PERCENT reorder=PERCENT ahead=MS queue=FRAMES seed=N
 * All of it is one-way and per direction. Jitter keeps the order. `reorder` is how many frames leave the order: each of them comes
 * `ahead` milliseconds before its turn and overtakes the others; below zero, after its turn, as after a radio link's own second try.
 * Without `ahead` it skips the whole delay. `burst` above 1: losses come in runs of that mean length, as on radio links (two-state
 * Gilbert model), with the same average. `seed` fixes the dice.
 * ARP and IPv6 neighbour discovery are delayed but never lost: a lost one costs a second that has nothing to do with what is tested.
 * SIGUSR1 writes counters to standard error. SIGTERM ends it, and the devices go with it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define FRAME_BYTES 2048
#define RING 16384 /* most frames that wait in one direction, whatever `queue` says */
#define BATCH 64   /* frames read from one side before the other has its turn */

struct frame {
	uint64_t due;
	int length;
	uint8_t data[];
};

struct direction {
	struct frame **ring;
	unsigned head, count;
	uint64_t last_due, line_free;
	int losing;
	uint64_t received, sent, lost, overflowed, duplicated, reordered;
};

static struct {
	double delay_ms, jitter_ms, loss, burst, rate_mbit, duplicate, reorder, ahead_ms;
	unsigned queue;
} spec;
static uint64_t dice = 88172645463325252ull;
static volatile sig_atomic_t reload = 1, report, stop;

static void on_signal(int number) {
	if (number == SIGHUP) reload = 1;
	else if (number == SIGUSR1) report = 1;
	else stop = 1;
}

static void fail(const char *what) {
	perror(what);
	exit(1);
}

static uint64_t now_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* xorshift64: 0 <= result < 1 */
static double roll(void) {
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (double)(dice >> 11) / 9007199254740992.0;
}

static void read_spec(const char *path) {
	char line[512], *rest = line, *word;
	FILE *file = fopen(path, "r");
	reload = 0;
	if (!file) return;
	if (!fgets(line, sizeof line, file)) line[0] = 0;
	fclose(file);
	memset(&spec, 0, sizeof spec);
	spec.queue = 1000;
	while ((word = strsep(&rest, " \n"))) {
		char *equals = strchr(word, '=');
		if (!equals) continue;
		*equals = 0;
		double value = atof(equals + 1);
		if (!strcmp(word, "delay")) spec.delay_ms = value;
		else if (!strcmp(word, "jitter")) spec.jitter_ms = value;
		else if (!strcmp(word, "loss")) spec.loss = value;
		else if (!strcmp(word, "burst")) spec.burst = value;
		else if (!strcmp(word, "rate")) spec.rate_mbit = value;
		else if (!strcmp(word, "dup")) spec.duplicate = value;
		else if (!strcmp(word, "reorder")) spec.reorder = value;
		else if (!strcmp(word, "ahead")) spec.ahead_ms = value;
		else if (!strcmp(word, "queue")) spec.queue = value < 1 ? 1 : value > RING ? RING : (unsigned)value;
		else if (!strcmp(word, "seed")) dice = (uint64_t)value * 0x9E3779B97F4A7C15ull | 1;
		else fprintf(stderr, "wire: there is no %s\n", word);
	}
}

static int open_tap(const char *namespace, const char *interface) {
	char path[256];
	snprintf(path, sizeof path, "/run/netns/%s", namespace);
	int net = open(path, O_RDONLY | O_CLOEXEC);
	if (net < 0 || setns(net, CLONE_NEWNET) < 0) fail(path);
	close(net);
	int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tap < 0) fail("/dev/net/tun");
	struct ifreq request;
	memset(&request, 0, sizeof request);
	strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
	request.ifr_flags = IFF_TAP | IFF_NO_PI;
	if (ioctl(tap, TUNSETIFF, &request) < 0) fail("TUNSETIFF");
	return tap;
}

static int finds_neighbours(const uint8_t *data, int length) {
	if (length < 14) return 0;
	if (data[12] == 0x08 && data[13] == 0x06) return 1;
	return length > 54 && data[12] == 0x86 && data[13] == 0xdd && data[20] == 58 && data[54] >= 133 && data[54] <= 137;
}

static int is_lost(struct direction *d) {
	if (spec.loss <= 0) return 0;
	if (spec.burst <= 1 || spec.loss >= 100) return roll() * 100 < spec.loss;
	double share = spec.loss / 100;
	d->losing = d->losing ? roll() >= 1 / spec.burst : roll() < share / (1 - share) / spec.burst;
	return d->losing;
}

static void enqueue(struct direction *d, const uint8_t *data, int length, uint64_t now) {
	if (d->count >= spec.queue) {
		d->overflowed++;
		return;
	}
	uint64_t due = now;
	if (spec.rate_mbit > 0) { /* onto the line first, behind what is on it */
		if (d->line_free < now) d->line_free = now;
		d->line_free += (uint64_t)(length * 8000.0 / spec.rate_mbit);
		due = d->line_free;
	}
	double ms = spec.delay_ms + (spec.jitter_ms > 0 ? spec.jitter_ms * (2 * roll() - 1) : 0);
	if (spec.reorder > 0 && roll() * 100 < spec.reorder) { /* its turn is nobody else's business */
		d->reordered++;
		ms = spec.ahead_ms == 0 ? 0 : ms - spec.ahead_ms;
		if (ms > 0) due += (uint64_t)(ms * 1e6);
	} else {
		if (ms > 0) due += (uint64_t)(ms * 1e6);
		if (due < d->last_due) due = d->last_due;
		d->last_due = due;
	}
	struct frame *frame = malloc(sizeof *frame + (size_t)length);
	if (!frame) fail("malloc");
	frame->due = due;
	frame->length = length;
	memcpy(frame->data, data, (size_t)length);
	unsigned at = d->count++; /* sorted by due time; most belong at the end */
	for (; at > 0 && d->ring[(d->head + at - 1) % RING]->due > due; at--) d->ring[(d->head + at) % RING] = d->ring[(d->head + at - 1) % RING];
	d->ring[(d->head + at) % RING] = frame;
}

static void deliver(struct direction *d, int tap, uint64_t now) {
	while (d->count > 0 && d->ring[d->head]->due <= now) {
		struct frame *frame = d->ring[d->head];
		if (write(tap, frame->data, (size_t)frame->length) > 0) d->sent++;
		free(frame);
		d->head = (d->head + 1) % RING;
		d->count--;
	}
}

static void take(struct direction *d, int tap) {
	uint8_t data[FRAME_BYTES];
	for (int i = 0; i < BATCH; i++) {
		int length = (int)read(tap, data, sizeof data);
		if (length <= 0) return;
		uint64_t now = now_ns();
		int spared = finds_neighbours(data, length);
		d->received++;
		if (!spared && is_lost(d)) {
			d->lost++;
			continue;
		}
		enqueue(d, data, length, now);
		if (!spared && spec.duplicate > 0 && roll() * 100 < spec.duplicate) {
			d->duplicated++;
			enqueue(d, data, length, now);
		}
	}
}

static void print_counters(const struct direction *d, const char *name) {
	fprintf(stderr, "%s received=%lu sent=%lu lost=%lu overflowed=%lu duplicated=%lu reordered=%lu waiting=%u\n", name, d->received, d->sent, d->lost,
		d->overflowed, d->duplicated, d->reordered, d->count);
}

int main(int count, char **arguments) {
	if (count != 6) {
		fprintf(stderr, "usage: wire NAMESPACE_A INTERFACE_A NAMESPACE_B INTERFACE_B FILE\n");
		return 2;
	}
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	prctl(PR_SET_TIMERSLACK, 1); /* 50 us by default, at each of two cables and four directions */
	/* A cable is not late because the machine is busy: a message there and back over the Coordinator passes eight of them. Where that is not allowed, it may be. */
	const struct sched_param first = {.sched_priority = 1};
	sched_setscheduler(0, SCHED_FIFO, &first);
	int tap[2] = {open_tap(arguments[1], arguments[2]), open_tap(arguments[3], arguments[4])};
	struct direction way[2];
	memset(way, 0, sizeof way);
	for (int i = 0; i < 2; i++)
		if (!(way[i].ring = malloc(sizeof(struct frame *) * RING))) fail("malloc");
	while (!stop) {
		if (reload) read_spec(arguments[5]);
		if (report) {
			report = 0;
			print_counters(&way[0], "A->B");
			print_counters(&way[1], "B->A");
		}
		uint64_t now = now_ns(), next = UINT64_MAX;
		for (int i = 0; i < 2; i++) {
			deliver(&way[i], tap[!i], now);
			if (way[i].count > 0 && way[i].ring[way[i].head]->due < next) next = way[i].ring[way[i].head]->due;
		}
		struct timespec wait, *until = NULL;
		if (next != UINT64_MAX) {
			uint64_t left = next > now ? next - now : 0;
			wait.tv_sec = (time_t)(left / 1000000000);
			wait.tv_nsec = (long)(left % 1000000000);
			until = &wait;
		}
		struct pollfd sides[2] = {{tap[0], POLLIN, 0}, {tap[1], POLLIN, 0}};
		if (ppoll(sides, 2, until, NULL) < 0) {
			if (errno == EINTR) continue;
			fail("ppoll");
		}
		for (int i = 0; i < 2; i++)
			if (sides[i].revents & POLLIN) take(&way[i], tap[i]);
	}
	return 0;
}
