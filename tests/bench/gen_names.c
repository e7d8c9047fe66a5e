/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Three lots of names: fixed ones, which tests block, with their look-alikes; hosts of well-known
 * domains; hosts of domains that nobody owns (RFC 6761).
 */
#include "gen_names.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { BLOCKED = 4 }; /* so many of the fixed ones, from the first */

static const struct {
	const char *name, *app;
} fixed[] = {
	{"www.youtube.com", "YouTube"},
	{"rr4---sn-h5q7knes.googlevideo.com", "YouTube"},
	{"i.ytimg.com", "YouTube"},
	{"m.youtube.com", "YouTube"},
	{"www.tiktok.com", "TikTok"},
	{"v16.tiktokcdn.com", "TikTok"},
	{"github.com", "GitHub"},
	{"api.github.com", "GitHub"},
	{"www.facebook.com", "Facebook"},
	{"www.instagram.com", "Instagram"},
	{"www.netflix.com", "Netflix"},
	{"open.spotify.com", "Spotify"},
	{"discord.com", "Discord"},
	{"web.whatsapp.com", "WhatsApp"},
	{"web.telegram.org", "Telegram"},
	{"zoom.us", "Zoom"},
	{"www.amazon.com", "Amazon"},
	{"www.apple.com", "Apple"},
	{"www.microsoft.com", "Microsoft"},
	{"www.cloudflare.com", "Cloudflare"},
	{"x.com", "Twitter"},
	/* look-alikes, which nobody may block */
	{"notyoutube.com", "-"},
	{"youtube.com.evil.example", "-"},
	{"my-youtube.com", "-"},
	{"youtube.example.org", "-"},
	{"www.example.org", "-"},
	{"intranet.example", "-"},
};

static const struct {
	const char *domain, *app;
} owned[] = {
	{"google.com", "Google"},
	{"wikipedia.org", "Wikipedia"},
	{"fbcdn.net", "Facebook"},
	{"cdninstagram.com", "Instagram"},
	{"nflxvideo.net", "Netflix"},
	{"scdn.co", "Spotify"},
	{"twimg.com", "Twitter"},
	{"reddit.com", "Reddit"},
	{"linkedin.com", "LinkedIn"},
	{"pinimg.com", "Pinterest"},
	{"bing.com", "Bing"},
	{"yahoo.com", "Yahoo"},
	{"duckduckgo.com", "DuckDuckGo"},
	{"baidu.com", "Baidu"},
	{"yandex.net", "Yandex"},
	{"ebay.com", "eBay"},
	{"paypal.com", "PayPal"},
	{"booking.com", "Booking.com"},
	{"airbnb.com", "Airbnb"},
	{"uber.com", "Uber"},
	{"twitch.tv", "Twitch"},
	{"vimeo.com", "Vimeo"},
	{"bbc.co.uk", "BBC"},
	{"cnn.com", "CNN"},
	{"nytimes.com", "NYTimes"},
	{"soundcloud.com", "SoundCloud"},
	{"deezer.com", "Deezer"},
	{"snapchat.com", "Snapchat"},
	{"tumblr.com", "Tumblr"},
	{"quora.com", "Quora"},
	{"signal.org", "Signal"},
	{"slack.com", "Slack"},
	{"trello.com", "Trello"},
	{"figma.com", "Figma"},
	{"canva.com", "Canva"},
	{"adobe.com", "Adobe"},
	{"salesforce.com", "Salesforce"},
	{"dropbox.com", "Dropbox"},
	{"openai.com", "ChatGPT"},
	{"imdb.com", "IMDb"},
	{"duolingo.com", "Duolingo"},
	{"gitlab.com", "GitLab"},
	{"steampowered.com", "Steam"},
	{"roblox.com", "Roblox"},
	{"debian.org", "Debian"},
	{"mozilla.org", "Mozilla"},
	{"wordpress.com", "WordPress"},
	{"shopify.com", "Shopify"},
};

static const char *const hosts[] = {"www", "api", "cdn", "static", "img", "assets", "events"};

/* Domains of two of these: first-second.example. */
static const char *const words[] = {"amber", "birch",  "copper", "delta",  "ember",
				    "fjord", "garnet", "heron",	 "island", "juniper"};

static void add(struct gen_sites *s, const char *app, size_t family, const char *name)
{
	struct gen_site *site = &s->all[s->count++];

	if (s->count > GEN_SITES_MAX)
		abort();
	snprintf(site->name, sizeof(site->name), "%s", name);
	site->app = app;
	site->family = (uint16_t)family;
}

void gen_sites_make(struct gen_sites *s)
{
	char name[GEN_NAME_MAX];

	s->count = 0;
	for (size_t i = 0; i < COUNT(fixed); i++)
		add(s, fixed[i].app, 0, fixed[i].name);
	for (size_t i = 0; i < COUNT(owned); i++) {
		for (size_t h = 0; h < COUNT(hosts); h++) {
			snprintf(name, sizeof(name), "%s.%s", hosts[h], owned[i].domain);
			add(s, owned[i].app, 1 + i, name);
		}
	}
	for (size_t i = 0; i < COUNT(words) * COUNT(words); i++) {
		for (size_t h = 0; h < 3; h++) {
			snprintf(name, sizeof(name), "%s%zu.%s-%s.example", hosts[h], i,
				 words[i / COUNT(words)], words[i % COUNT(words)]);
			add(s, "-", 1 + COUNT(owned) + i, name);
		}
	}
}

const struct gen_site *gen_site_pick(const struct gen_sites *s, bool is_blocked, uint64_t chance)
{
	uint64_t share = chance >> 32;

	if (is_blocked)
		return &s->all[share * BLOCKED >> 32];
	share = share * share >> 32; /* half of the flows ask for a quarter of the names */
	return &s->all[BLOCKED + (share * (s->count - BLOCKED) >> 32)];
}

const struct gen_site *gen_site_kin(const struct gen_sites *s, const struct gen_site *site)
{
	const struct gen_site *next = site + 1;

	if (next < s->all + s->count && site->family && next->family == site->family)
		return next;
	return site;
}
