-- What must never be: every question finds no row, at any moment of any run.

-- a request without its clock
SELECT id FROM requests_app_consumerrequest WHERE due_on IS NULL;

-- a request without its first line
SELECT r.id FROM requests_app_consumerrequest r WHERE NOT EXISTS (SELECT FROM ccpa_office_ledgerline WHERE subject = r.number AND seq = 1 AND verb = 'request.received');

-- a request without its receipt letter
SELECT r.id FROM requests_app_consumerrequest r WHERE NOT EXISTS (SELECT FROM requests_app_message WHERE consumer_request_id = r.id AND letter = 'receipt');

-- two requests of one form
SELECT nonce FROM requests_app_consumerrequest GROUP BY nonce HAVING count(*) > 1;

-- a letter twice
SELECT consumer_request_id FROM requests_app_message GROUP BY consumer_request_id, letter, recipient_digest, ordinal HAVING count(*) > 1;

-- two receipts of a chunk with one ordinal
SELECT chunk_id FROM requests_app_receipt GROUP BY chunk_id, ordinal HAVING count(*) > 1;

-- two receipts for one table and action
SELECT chunk_id FROM requests_app_receipt GROUP BY chunk_id, "table", action HAVING count(*) > 1;

-- a chunk told twice in the book
SELECT subject FROM ccpa_office_ledgerline WHERE verb = 'erasure.carried-out' GROUP BY subject, body::json -> 'facts' ->> 'chunk' HAVING count(*) > 1;

-- a proved chunk without receipts
SELECT c.id FROM requests_app_chunk c JOIN requests_app_batch b ON b.id = c.batch_id JOIN notices_app_datasystem s ON s.key = b.system_key WHERE s.kind = 'sql' AND c.stage = 'done' AND c.proved_at IS NOT NULL AND NOT EXISTS (SELECT FROM requests_app_receipt WHERE chunk_id = c.id);

-- receipts before the erasure was told
SELECT c.id FROM requests_app_chunk c JOIN requests_app_receipt r ON r.chunk_id = c.id WHERE c.erased_at IS NULL;

-- a plan carried out without its approval
SELECT p.id FROM requests_app_plan p WHERE p.parent_id IS NULL AND p.consumer_request_id IS NOT NULL AND p.state IN ('executing', 'proved', 'residual') AND (SELECT count(*) FROM requests_app_approval a WHERE a.plan_id = p.id AND a.hash = p.hash) < p.approvals_needed;

-- a package handed over by one person
SELECT p.id FROM requests_app_package p JOIN requests_app_consumerrequest r ON r.id = p.consumer_request_id WHERE p.released_at IS NOT NULL AND (p.released_by_id IN (p.prepared_by_id, r.verified_by_id) OR p.prepared_by_id IS NULL);

-- a package handed over twice, or a request answered twice
SELECT subject FROM ccpa_office_ledgerline WHERE verb IN ('request.completed', 'package.built') GROUP BY subject, verb HAVING count(*) > 1;

-- a package destroyed whose file is still named
SELECT id FROM requests_app_package WHERE stage = 'destroyed' AND file <> '';

-- a correction carried out by one person
SELECT id FROM requests_app_correction WHERE stage IN ('approved', 'done', 'changed') AND (approved_by_id IS NULL OR approved_by_id = proposed_by_id);

-- a correction told twice in the book
SELECT subject FROM ccpa_office_ledgerline WHERE verb = 'correction.done' GROUP BY subject, body::json -> 'facts' ->> 'field' HAVING count(*) > 1;

-- a system outside settled without its word, or twice in the book
SELECT subject FROM ccpa_office_ledgerline WHERE verb = 'outside.proved' GROUP BY subject, body::json -> 'facts' ->> 'system' HAVING count(*) > 1;

-- two calls of one step outside
SELECT task_id FROM requests_app_outsidecall GROUP BY task_id, step HAVING count(*) > 1;

-- a list carried out without its approvals
SELECT p.id FROM requests_app_plan p JOIN requests_app_chunk c ON c.id = p.chunk_id JOIN requests_app_batch b ON b.id = c.batch_id WHERE p.consumer_request_id IS NULL AND p.state IN ('executing', 'proved', 'residual') AND (SELECT count(*) FROM requests_app_batchapproval a WHERE a.batch_id = b.id AND a.hash = b.hash) < b.approvals_needed;

-- an approval by the verifier
SELECT a.id FROM requests_app_approval a JOIN requests_app_plan p ON p.id = a.plan_id JOIN requests_app_consumerrequest r ON r.id = p.consumer_request_id WHERE r.verified_by_id = a.by_id;

-- completed without proof
SELECT r.id FROM requests_app_consumerrequest r WHERE status = 'completed' AND kind = 'delete' AND on_file AND NOT EXISTS (SELECT FROM requests_app_plan WHERE consumer_request_id = r.id AND (state = 'proved' OR state = 'residual' AND proved_at IS NOT NULL));

-- completed before the providers were told
SELECT r.id FROM requests_app_consumerrequest r JOIN requests_app_message m ON m.consumer_request_id = r.id AND m.audience = 'provider' WHERE r.status = 'completed' AND r.kind = 'delete' AND m.delivery <> 'handed';

-- a handed letter that is still due
SELECT id FROM requests_app_message WHERE delivery = 'handed' AND state <> 'done';

-- a letter that was never settled
SELECT id FROM requests_app_message WHERE state = 'parked' AND delivery = 'sending';

-- two choices of the same look
SELECT chunk_id FROM requests_app_look GROUP BY chunk_id, day HAVING count(*) > 1;

-- a status that the book does not tell
SELECT r.id FROM requests_app_consumerrequest r WHERE r.status <> (SELECT coalesce(nullif(substr(verb, 9), 'received'), 'received') FROM ccpa_office_ledgerline WHERE subject = r.number AND verb LIKE 'request.%' AND verb NOT IN ('request.assigned', 'request.extended') ORDER BY seq DESC LIMIT 1);

-- a period twice
SELECT name FROM ccpa_office_schedulerun GROUP BY name, period_start HAVING count(*) > 1;
