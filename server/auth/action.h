#pragma once
/*
 * What operators can do: a route names one, and the table of role.c says whose role has it. The
 * API's own action in the audit has the same name.
 */
enum action {
    ACTION_NONE, /* routes of devices and of everybody */
    ACTION_READ, /* look at the fleet, releases, deployments, metadata */
    ACTION_PRODUCT_WRITE,
    ACTION_GROUP_WRITE,
    ACTION_GROUP_DELETE,
    ACTION_DEVICE_WRITE,  /* move, hold, quarantine, tag */
    ACTION_DEVICE_REMOVE, /* decommission, replace */
    ACTION_FREEZE_WRITE,
    ACTION_CAPABILITY_ISSUE,
    ACTION_COMPONENT_WRITE,
    ACTION_CLAIM_WRITE,
    ACTION_IMAGE_UPLOAD,
    ACTION_RELEASE_WRITE,
    ACTION_DEPLOY_CREATE,
    ACTION_DEPLOY_STEER, /* pause, resume, abort */
    ACTION_DEPLOY_APPROVE,
    ACTION_ISSUE_STEER,     /* resolve, ignore, assign */
    ACTION_ATTACHMENT_READ, /* logs and memory of devices: what their users see, too */
    ACTION_SYMBOLS_WRITE,
    ACTION_WEBHOOK_WRITE,
    ACTION_WEBHOOK_REMOVE,
    ACTION_REPO_PUBLISH, /* what is signed already */
    ACTION_REPO_REQUEST, /* ask for signatures, withdraw the request */
    ACTION_REPO_SIGN,    /* hand in signatures */
    ACTION_REPO_APPROVE,
    ACTION_TENANT_MANAGE,
    ACTION_TENANT_SETTINGS,
    ACTION_TOKEN_MANAGE,
    ACTION_AUDIT_READ,
    ACTION_COUNT,
};
