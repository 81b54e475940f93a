select i as id, timestamp '2024-03-01' + interval 6 hour * i as ts, i * 1 as val from range(0, 17) t(i)
