INSERT INTO home SELECT g, g % 1000, 'Street ' || g, 'City', 'CA', lpad((g % 90000)::text, 5, '0')
  FROM generate_series(1, :people) g;
INSERT INTO client SELECT g, 'client-' || g || '@example.com', 'Client ' || g, now() - interval '3 years', g
  FROM generate_series(1, :people) g;
INSERT INTO staff SELECT g, 'staff-' || g || '@example.net', 'Clerk ' || g
  FROM generate_series(1, 50) g;
INSERT INTO goods SELECT g, 'Thing ' || g, 'Something useful', g
  FROM generate_series(1, 100) g;
INSERT INTO card SELECT 'c' || g, 'Client ' || g, 4000000000000000 + g, 1, true, g, g
  FROM generate_series(1, :people) g;
INSERT INTO purchase SELECT 'p' || g || '-' || n, g, g, 'c' || g
  FROM generate_series(1, :people) g, generate_series(1, 3) n;
INSERT INTO purchase_line SELECT 'p' || g || '-' || n, m, 1 + (g + m) % 100, 1
  FROM generate_series(1, :people) g, generate_series(1, 3) n, generate_series(1, 2) m;
INSERT INTO sign_in SELECT (g - 1) * 5 + n, g, now() - n * interval '1 day'
  FROM generate_series(1, :people) g, generate_series(1, 5) n;
INSERT INTO page_view SELECT (g - 1) * 3 + n, 'client-' || g || '@example.com', now() - n * interval '1 hour'
  FROM generate_series(1, :people) g, generate_series(1, 3) n;
INSERT INTO help_ticket SELECT 'h' || g, 'client-' || g || '@example.com', NULL, current_date, NULL, 1 + g % 50
  FROM generate_series(1, :people, 2) g;
INSERT INTO letter SELECT g, 'staff-' || g || '@example.net', 'Monthly', 2026, g % 12 + 1, g
  FROM generate_series(1, 50) g;
