// SPDX-License-Identifier: Apache-2.0

// A small application with a SCIM 2.0 face by the scimmy packages, as their documentation tells an application's author to
// write one: people and groups in memory, three handlers each. The protocol is all scimmy's; where it is odd, it stays odd.
//
// Environment: SCIMMY_TOKEN (required), SCIMMY_UNIQUE=off, SCIMMY_REQUEST_LOG=FILE.
// Prints one line of JSON when it listens: {"port": N, "side": N}. Ends when stdin closes, so that it dies with the test.

import {randomUUID} from "node:crypto";
import {closeSync, openSync, writeSync} from "node:fs";
import {createServer} from "node:http";
import {once} from "node:events";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const token = process.env.SCIMMY_TOKEN;
const unique = process.env.SCIMMY_UNIQUE !== "off";
const logFile = process.env.SCIMMY_REQUEST_LOG ? openSync(process.env.SCIMMY_REQUEST_LOG, "a") : undefined;
const bodyLimit = 16 * 1024 * 1024;
const jsonTypes = ["application/scim+json", "application/json"];

if (!token) {
    process.stderr.write("SCIMMY_TOKEN is not set\n");
    process.exit(2);
}

// ---- storage ----------------------------------------------------------------------------------------------------------

/** Rows by id in insertion order, with an index for each attribute that clients look up by. */
class Table {
    rows = new Map();
    #order = [];
    #indexes = new Map();

    constructor(name, {lookups, uniqueness}) {
        this.name = name;
        this.uniqueness = uniqueness;
        for (const attribute of lookups) this.#indexes.set(attribute, new Map());
    }

    // userName and displayName are caseExact=false in RFC 7643, externalId is exact.
    static key(attribute, value) {
        return attribute === "externalId" ? value : String(value).toLowerCase();
    }

    find(attribute, value) {
        const index = this.#indexes.get(attribute);
        return index && [...(index.get(Table.key(attribute, value)) ?? [])].map(id => this.rows.get(id));
    }

    put(row) {
        const before = this.rows.get(row.id);
        this.#refuseDuplicate(row);
        if (before) this.#unindex(before);
        this.rows.set(row.id, row);
        for (const [attribute, index] of this.#indexes) {
            if (row[attribute] === undefined) continue;
            const key = Table.key(attribute, row[attribute]);
            if (!index.has(key)) index.set(key, new Set());
            index.get(key).add(row.id);
        }
        if (!before) this.#order = undefined;
    }

    delete(id) {
        this.#unindex(this.rows.get(id));
        this.rows.delete(id);
        this.#order = undefined;
    }

    /** All rows as an array; kept until a row comes or goes, so that reading page after page does not copy all of them. */
    ids() {
        return this.#order ??= [...this.rows.keys()];
    }

    #refuseDuplicate(row) {
        if (!unique || row[this.uniqueness] === undefined) return;
        if (this.find(this.uniqueness, row[this.uniqueness]).some(other => other.id !== row.id))
            throw new SCIMMY.Types.Error(409, "uniqueness", `${this.uniqueness} is already taken`);
    }

    #unindex(row) {
        for (const [attribute, index] of this.#indexes) {
            if (row[attribute] === undefined) continue;
            const key = Table.key(attribute, row[attribute]);
            const ids = index.get(key);
            ids.delete(row.id);
            if (!ids.size) index.delete(key);
        }
    }
}

const users = new Table("User", {lookups: ["userName", "externalId"], uniqueness: "userName"});
const groups = new Table("Group", {lookups: ["displayName", "externalId"], uniqueness: "displayName"});
const groupsOf = new Map(); // member id -> Set of group ids: a deleted user leaves its groups

// ---- handlers ---------------------------------------------------------------------------------------------------------

const notFound = (resource) => new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);

/** What scimmy hands over, as a plain object without what the server owns. */
function plain(instance) {
    const {schemas, meta, id, ...rest} = JSON.parse(JSON.stringify(instance));
    return rest;
}

function stamped(before, values) {
    const now = new Date().toISOString();
    return {...values, id: before?.id ?? randomUUID(), meta: {created: before?.meta.created ?? now, lastModified: now}};
}

/** {attribute, value} when the filter is one `attribute eq "value"`. */
function exact(filter) {
    if (filter?.length !== 1) return undefined;
    const entries = Object.entries(filter[0]);
    if (entries.length !== 1 || !Array.isArray(entries[0][1])) return undefined;
    const [attribute, [comparator, value]] = entries[0];
    return comparator === "eq" && typeof value === "string" ? {attribute, value} : undefined;
}

function matching(table, filter, view) {
    const wanted = exact(filter);
    if (wanted?.attribute === "id") return [table.rows.get(wanted.value)].filter(r => r).map(view);
    const found = wanted && table.find(wanted.attribute, wanted.value);
    return found ? found.map(view) : filter.match([...table.rows.values()].map(view));
}

/**
 * One page for scimmy, which validates everything that it is given: so only the page is. The array has the length of the
 * whole, which is how scimmy learns totalResults; the rest of it are holes. When startIndex lies within one page of the
 * start, scimmy cuts by itself, unless what it sees looks like a page already (`total = length + startIndex - 1`);
 * beyond the end it would begin anew, so it gets holes only.
 */
function page(table, {startIndex = 1, count = 20, sortBy} = {}, view) {
    const ids = table.ids();
    if (sortBy !== undefined) return ids.map(id => view(table.rows.get(id)));
    const sparse = startIndex > Math.min(count, ids.length);
    let end = Math.min(startIndex - 1 + count, ids.length);
    if (!sparse && end + startIndex - 1 === ids.length) end = Math.min(end + 1, ids.length);
    const out = [];
    for (let i = sparse ? startIndex - 1 : 0; i < end; i++) out.push(view(table.rows.get(ids[i])));
    out.length = Math.max(ids.length, out.length);
    return out;
}

function read(table, resource, view) {
    if (resource.id) {
        const row = table.rows.get(resource.id);
        if (!row) throw notFound(resource);
        return view(row);
    }
    return resource.filter ? matching(table, resource.filter, view) : page(table, resource.constraints, view);
}

SCIMMY.Resources.declare(SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false))
    .egress((resource) => read(users, resource, row => row))
    .ingress((resource, instance) => {
        const before = resource.id ? users.rows.get(resource.id) : undefined;
        if (resource.id && !before) throw notFound(resource);
        const row = stamped(before, plain(instance));
        users.put(row);
        return row;
    })
    .degress((resource) => {
        if (!users.rows.has(resource.id)) throw notFound(resource);
        for (const id of groupsOf.get(resource.id) ?? []) groups.rows.get(id).members.delete(resource.id);
        groupsOf.delete(resource.id);
        users.delete(resource.id);
    });

/** A group as scimmy wants it; its members only when they are asked for, as each one is validated. */
function groupView(resource, ctx) {
    const attributes = resource.attributes?.[0] ?? {};
    const asked = Object.values(attributes).some(e => e[0] === "pr");
    const skip = ctx?.method === "GET" && (attributes.members ? attributes.members[0] === "np" : asked);
    return ({members, ...row}) => (skip || !members.size ? row : {...row, members: [...members.values()]});
}

function setMembers(row, before, list) {
    row.members = new Map(list.filter(m => m?.value).map(m => [m.value, m]));
    for (const id of before?.members.keys() ?? []) if (!row.members.has(id)) groupsOf.get(id)?.delete(row.id);
    for (const id of row.members.keys()) {
        if (!groupsOf.has(id)) groupsOf.set(id, new Set());
        groupsOf.get(id).add(row.id);
    }
}

// Members are users, known by their id: scimmy builds and validates each sub-attribute of each member some eight times in a
// PATCH, so what this application does not keep is taken out of the schema, as the documentation of truncate has it.
SCIMMY.Schemas.Group.definition.attribute("members").truncate(["display", "$ref", "type"]);

SCIMMY.Resources.declare(SCIMMY.Resources.Group)
    .egress((resource, ctx) => read(groups, resource, groupView(resource, ctx)))
    .ingress((resource, instance, ctx) => {
        const before = resource.id ? groups.rows.get(resource.id) : undefined;
        if (resource.id && !before) throw notFound(resource);
        const {members = [], ...values} = plain(instance);
        const row = stamped(before, values);
        groups.put(row);
        setMembers(row, before, members);
        return groupView(resource, ctx)(row);
    })
    .degress((resource) => {
        const row = groups.rows.get(resource.id);
        if (!row) throw notFound(resource);
        for (const id of row.members.keys()) groupsOf.get(id)?.delete(row.id);
        groups.delete(resource.id);
    });

// ---- the log of the side door -----------------------------------------------------------------------------------------

let counts = {};

/** "PATCH /Users/:id", "GET /Users?filter", "GET /Users" (a page of the list) … */
function routeClass(req) {
    const [, endpoint = "", id] = req.path.split("/");
    const known = ["Users", "Groups"].includes(endpoint);
    const tail = known && id ? (id === ".search" ? "/.search" : "/:id") : (known && req.query.filter !== undefined ? "?filter" : "");
    return `${req.method} /${endpoint}${tail}`;
}

function record(req, res, next) {
    const name = routeClass(req);
    counts[name] = (counts[name] ?? 0) + 1;
    if (logFile !== undefined) {
        const body = Buffer.isBuffer(req.body) ? req.body.toString("utf8") : "";
        writeSync(logFile, JSON.stringify({method: req.method, url: req.originalUrl, body}) + "\n");
    }
    next();
}

/** The body was read raw for the log; scimmy's own parser sees that it has been read, and leaves it. */
function parseBody(req, res, next) {
    if (!Buffer.isBuffer(req.body)) return next();
    if (!req.is(jsonTypes) || !req.body.length) {
        req.body = {};
        return next();
    }
    try {
        req.body = JSON.parse(req.body.toString("utf8"));
        next();
    } catch (ex) {
        next(new SCIMMY.Types.Error(400, "invalidSyntax", ex.message));
    }
}

/** For what fails before scimmy; its own 5xx answers pass here too, after they were sent. */
function sendError(ex, req, res, next) {
    if ((ex.status ?? 500) >= 500) process.stderr.write(`${req.method} ${req.originalUrl}: ${ex.stack}\n`);
    if (res.headersSent) return;
    const error = new SCIMMY.Types.Error(ex.status ?? 500, ex.scimType ?? null, ex.message);
    res.status(error.status).type("application/scim+json").send(new SCIMMY.Messages.Error(error));
}

async function dump(res) {
    res.setHeader("Content-Type", "application/json");
    const write = async (text) => { if (!res.write(text)) await once(res, "drain"); };
    await write('{"users":[');
    let comma = "";
    for (const row of users.rows.values()) {
        await write(comma + JSON.stringify(row));
        comma = ",\n";
    }
    await write('],"groups":[');
    comma = "";
    for (const {members, ...row} of groups.rows.values()) {
        await write(comma + JSON.stringify({...row, members: [...members.values()]}));
        comma = ",\n";
    }
    res.end("]}\n");
}

function side(req, res) {
    const route = `${req.method} ${req.url}`;
    if (route === "GET /__dump") {
        dump(res).catch(() => res.destroy());
    } else if (route === "GET /__log") {
        res.setHeader("Content-Type", "application/json");
        res.end(JSON.stringify(counts));
    } else if (route === "POST /__reset-counts") {
        counts = {};
        res.writeHead(204).end();
    } else {
        res.writeHead(404).end();
    }
}

// ---- start and end ----------------------------------------------------------------------------------------------------

const app = express();
app.disable("x-powered-by");
app.use("/scim/v2", express.raw({type: () => true, limit: bodyLimit}), record, parseBody, new SCIMMYRouters({
    type: "bearer",
    context: (req) => ({method: req.method}),
    baseUri: (req) => `${req.protocol}://${req.get("host")}`,
    handler: (req) => {
        if (req.get("authorization") !== `Bearer ${token}`) throw new Error("Authorization is missing or wrong");
        return "client";
    },
}));
app.use(sendError);

async function listen(handler) {
    const server = createServer(handler);
    server.keepAliveTimeout = 60_000;
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return server;
}

const servers = [await listen(app), await listen(side)];

process.stdin.on("end", () => {
    if (logFile !== undefined) closeSync(logFile);
    process.exit(0);
});
process.stdin.on("error", () => process.exit(0));
process.stdin.resume();
process.stdout.write(JSON.stringify({port: servers[0].address().port, side: servers[1].address().port}) + "\n");
