-- Invented people, set by set. :people and quillmere.seed; every value comes from a digest, none from chance.
CREATE FUNCTION pg_temp.pick(salt text, g bigint, n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT ('x' || left(md5(current_setting('quillmere.seed') || salt || g), 7))::bit(28)::bigint % n $$;
CREATE FUNCTION pg_temp.moment(salt text, g bigint, days bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
$$ SELECT timestamptz '2026-06-30 12:00+00' - make_interval(days => pg_temp.pick(salt, g, days)::int + 40,
          secs => pg_temp.pick(salt || 's', g, 86400)::int) $$;

INSERT INTO courses SELECT g, 'Course ' || g || ': ' || (ARRAY['Statistics', 'Watercolor', 'Bookkeeping',
    'Astronomy', 'Public speaking', 'Gardening', 'Databases', 'Spanish'])[1 + g % 8], 20 + (g % 9) * 10
  FROM generate_series(1, 60) g;
INSERT INTO forum_threads SELECT g, 1 + g % 60, 'Questions about lesson ' || g FROM generate_series(1, 300) g;

-- every tenth pair of neighbors is a household with one address
INSERT INTO addresses SELECT g, (10 + pg_temp.pick('house', g, 990)) || ' ' || (ARRAY['Alder', 'Bay', 'Cedar',
    'Dolores', 'Elm', 'Fig', 'Grove', 'Hazel'])[1 + pg_temp.pick('street', g, 8)] || ' Street',
    (ARRAY['Oakland', 'Fresno', 'San Jose', 'Sacramento', 'Eureka', 'Ventura'])[1 + pg_temp.pick('city', g, 6)],
    (90001 + pg_temp.pick('zip', g, 6100))::text, 'US'
  FROM generate_series(1, :people) g;

CREATE TEMP TABLE person AS
SELECT g, CASE WHEN kind < 2 THEN jf.kanji || ' ' || jg.kanji ELSE given || ' ' || family END AS full_name,
       lower(CASE WHEN kind < 2 THEN jg.roman || '.' || jf.roman
                  ELSE translate(given || '.' || replace(family, ' ', '-'), 'áéíóúñÁÉ', 'aeiounAE') END)
       || '.' || g || '@example.net' AS email,
       CASE WHEN kind < 2 THEN 'ja' WHEN kind < 4 THEN 'es' ELSE 'en' END AS locale
  FROM generate_series(1, :people) g
  CROSS JOIN LATERAL (SELECT pg_temp.pick('kind', g, 10) AS kind) k
  CROSS JOIN LATERAL (SELECT
      CASE WHEN kind < 4 THEN (ARRAY['Lucía', 'Mateo', 'Ximena', 'Andrés', 'Inés', 'Joaquín', 'Belén', 'Tomás'])
                              [1 + pg_temp.pick('given', g, 8)]
           ELSE (ARRAY['Orla', 'Desmond', 'Priya', 'Wanda', 'Kofi', 'Greta', 'Hollis', 'Imani', 'Rufus', 'Tessa'])
                [1 + pg_temp.pick('given', g, 10)] END AS given,
      CASE WHEN kind < 4 THEN (ARRAY['Quintana Reyes', 'Peña', 'Saldívar', 'Ibáñez Luna', 'Orozco', 'Zúñiga'])
                              [1 + pg_temp.pick('family', g, 6)]
           ELSE (ARRAY['Attenborrow', 'Brackwell', 'Chandrapur', 'Dunmarrow', 'Eckhartson', 'Fennimoor',
                       'Gallowhill', 'Hartsgrove', 'Ironmonger', 'Jessamine'])[1 + pg_temp.pick('family', g, 10)]
           END AS family) n
  CROSS JOIN LATERAL (SELECT (ARRAY['森川', '久保田', '石橋', '早川', '水谷'])[1 + i] AS kanji,
      (ARRAY['morikawa', 'kubota', 'ishibashi', 'hayakawa', 'mizutani'])[1 + i] AS roman
      FROM (SELECT pg_temp.pick('jf', g, 5) AS i) x) jf
  CROSS JOIN LATERAL (SELECT (ARRAY['花', '悠斗', '美咲', '健', '陽菜'])[1 + i] AS kanji,
      (ARRAY['hana', 'yuto', 'misaki', 'ken', 'hina'])[1 + i] AS roman
      FROM (SELECT pg_temp.pick('jg', g, 5) AS i) x) jg;

INSERT INTO accounts SELECT g, email, pg_temp.moment('mail', g, 1500), full_name,
    '+1 (' || (201 + g % 700) || ') 555-0' || (100 + g % 100), 'pbkdf2$' || md5('hash' || g), locale,
    CASE WHEN g % 20 = 10 THEN g - 1 ELSE g END, pg_temp.moment('mail', g, 1500) - interval '200 days'
  FROM person;

-- the people of the tour: their data never change
UPDATE accounts a SET email = p.email, full_name = p.name, phone = p.phone, locale = p.locale,
       address_id = p.address, email_changed_at = timestamptz '2024-02-01 10:00+00',
       created_at = timestamptz '2018-09-03 10:00+00'
  FROM (VALUES (1, 'hana.morikawa@example.org', '森川 花', '+1 (415) 555-0142', 'ja', 1),
               (2, 'marisol.quintana@example.org', 'Marisol Quintana Peña', '+1 (510) 555-0117', 'es', 2),
               (3, 'teodoro.quintana@example.org', 'Teodoro Quintana Peña', '+1 (510) 555-0117', 'es', 2),
               (4, 'orla.dunmarrow@example.org', 'Orla Dunmarrow', '+1 (707) 555-0163', 'en', 4),
               (5, 'kofi.hartsgrove@example.org', 'Kofi Hartsgrove', '+1 (916) 555-0129', 'en', 5))
       AS p(id, email, name, phone, locale, address)
 WHERE a.id = p.id;
UPDATE addresses a SET street = p.street, city = p.city, postal_code = p.code
  FROM (VALUES (1, '1180 Hazel Street', 'San Francisco', '94110'), (2, '27 Figtree Court', 'Oakland', '94607'),
               (4, '402 Grove Lane', 'Eureka', '95501'), (5, '9 Cedar Row', 'Sacramento', '95814'))
       AS p(id, street, city, code)
 WHERE a.id = p.id;

INSERT INTO profiles SELECT a.id, a.full_name, 'I am ' || a.full_name || ' and I like to learn.',
    CASE WHEN pg_temp.pick('work', id, 3) = 0 THEN 'Employer ' || pg_temp.pick('boss', id, 400) END,
    1950 + pg_temp.pick('born', id, 55), (ARRAY['career changer', 'hobbyist', 'student'])[1 + pg_temp.pick('infer', id, 3)]
  FROM accounts a;
INSERT INTO enrolments SELECT (a.id - 1) * 3 + j, a.id, 1 + (pg_temp.pick('course', a.id, 60) + j * 7) % 60, day,
    CASE WHEN j < 3 THEN day + 60 END
  FROM accounts a, generate_series(1, 3) j, LATERAL (SELECT pg_temp.moment('start', a.id * 3 + j, 1400)::date AS day) d;
INSERT INTO progress SELECT account_id, course_id, 1 + pg_temp.pick('done', id, 40), pg_temp.moment('seen', id, 400) FROM enrolments;
INSERT INTO grades SELECT (e.id - 1) * 2 + j, e.id, 'Exercise ' || j, 50 + pg_temp.pick('score', e.id * 2 + j, 50),
    CASE WHEN j = 1 THEN 'Well done, ' || a.full_name END
  FROM enrolments e JOIN accounts a ON a.id = e.account_id, generate_series(1, 2) j;
INSERT INTO certificates SELECT md5('certificate' || e.id)::uuid, e.id, a.full_name, e.completed_on + 7
  FROM enrolments e JOIN accounts a ON a.id = e.account_id WHERE e.completed_on IS NOT NULL;
INSERT INTO orders SELECT (a.id - 1) * 2 + j, 'QL-' || (100000 + (a.id - 1) * 2 + j), a.id,
    CASE WHEN a.id <= 5 THEN CASE j WHEN 1 THEN timestamptz '2018-09-03 11:00+00' ELSE timestamptz '2025-03-14 11:00+00' END
         ELSE pg_temp.moment('order', a.id * 2 + j, 4500) END, 20 + (a.id % 9) * 10
  FROM accounts a, generate_series(1, 2) j;
INSERT INTO payments SELECT id, id, (ARRAY['Visa', 'Mastercard', 'JCB'])[1 + id % 3],
    lpad(pg_temp.pick('card', id, 10000)::text, 4, '0'), placed_at + interval '1 minute', total FROM orders;
INSERT INTO refunds SELECT id, id, 'Not what I wanted', paid_at + interval '9 days', amount FROM payments WHERE id % 20 = 1;
INSERT INTO invoices SELECT 'INV-' || o.id, a.id, o.number, a.full_name, a.email,
    d.street || ', ' || d.city || ' ' || d.postal_code, o.placed_at::date, o.total, o.id % 500 = 77
  FROM orders o JOIN accounts a ON a.id = o.account_id JOIN addresses d ON d.id = a.address_id;
INSERT INTO forum_posts SELECT (a.id - 1) * 2 + j, 1 + pg_temp.pick('thread', a.id * 2 + j, 300), a.id, a.full_name,
    CASE j WHEN 1 THEN 'Could somebody explain the second exercise? You may write to ' || a.email || ' or call '
                       || a.phone || '. Thank you, ' || a.full_name
           ELSE 'I found the answer in lesson ' || a.id % 40 END, pg_temp.moment('post', a.id * 2 + j, 1400)
  FROM accounts a, generate_series(1, 2) j;
-- one ticket of twenty in a household was written by the other member
INSERT INTO support_tickets SELECT a.id, a.id, coalesce(b.email, a.email), 'Cannot open lesson ' || a.id % 40,
    'Hello, this is ' || a.full_name || '. Please answer to ' || a.email, pg_temp.moment('ticket', a.id, 900)
  FROM accounts a LEFT JOIN accounts b ON a.id % 20 = 10 AND b.id = a.id - 1
 WHERE a.id <= 5 OR a.id % 2 = 0;
INSERT INTO activity_log SELECT (a.id - 1) * 10 + j, a.id, pg_temp.moment('visit', a.id * 10 + j, 360),
    ('198.51.100.' || a.id % 256)::inet, '/lessons/' || j, jsonb_build_object('browser', 'Example 1.0', 'signed_in_as', a.email)
  FROM accounts a, generate_series(1, 10) j;
INSERT INTO newsletter SELECT CASE WHEN id % 7 = 0 THEN upper(email) ELSE email END, created_at, 'new courses'
  FROM accounts WHERE id <= 5 OR pg_temp.pick('news', id, 5) < 3;
